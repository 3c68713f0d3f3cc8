// How close one network's outputs are to another's on the same images: the figures of the certificate.

import { cosine } from '../core/cosine.ts';
import { normaliseL2 } from '../core/descriptors.ts';
import { nearestOf, overlap, type VectorSet } from '../core/nearest-rows.ts';

/**
 * Of the cosines between the rows of two matrices. A type, not an interface: only that goes into the manifest as
 * JSON.
 */
export type CosineFigures = {
  readonly mean: number;
  /** The first percentile. */
  readonly percentile1: number;
  readonly min: number;
};

/** Both [rows, width] row-major. A row of zeros is like itself (1) and unlike any other (0). */
export function cosineFigures(a: Float32Array, b: Float32Array, rows: number): CosineFigures {
  const width = a.length / rows;
  return summarised(
    Float64Array.from({ length: rows }, (_, row) =>
      cosine(a.subarray(row * width, (row + 1) * width), b.subarray(row * width, (row + 1) * width)),
    ),
  );
}

/** The same of cosines that were computed row by row. */
export function summarised(cosines: Float64Array): CosineFigures {
  const ascending = cosines.toSorted();
  return {
    mean: sixDigits(ascending.reduce((sum, value) => sum + value, 0) / ascending.length),
    percentile1: sixDigits(ascending[Math.floor(ascending.length / 100)] ?? 0),
    min: sixDigits(ascending[0] ?? 0),
  };
}

/** The share of rows whose largest value stands at the same place. */
export function top1Agreement(a: Float32Array, b: Float32Array, rows: number): number {
  const width = a.length / rows;
  let agreeing = 0;
  for (let row = 0; row < rows; row += 1) {
    agreeing += Number(largestAt(a, row * width, width) === largestAt(b, row * width, width));
  }
  return sixDigits(agreeing / rows);
}

function largestAt(values: Float32Array, start: number, width: number): number {
  let best = 0;
  for (let index = 1; index < width; index += 1) {
    if ((values[start + index] ?? 0) > (values[start + best] ?? 0)) best = index;
  }
  return best;
}

/** Mean Kullback-Leibler divergence KL(softmax a ‖ softmax b) of the rows, in nats. */
export function meanDivergence(a: Float32Array, b: Float32Array, rows: number): number {
  const width = a.length / rows;
  let sum = 0;
  for (let row = 0; row < rows; row += 1) {
    const left = logSoftmax(a.subarray(row * width, (row + 1) * width));
    const right = logSoftmax(b.subarray(row * width, (row + 1) * width));
    left.forEach((value, index) => {
      sum += Math.exp(value) * (value - (right[index] ?? 0));
    });
  }
  return sixDigits(sum / rows);
}

function logSoftmax(scores: Float32Array): Float64Array {
  const largest = scores.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const sum = scores.reduce((total, value) => total + Math.exp(value - largest), 0);
  return Float64Array.from(scores, (value) => value - largest - Math.log(sum));
}

/** The mean share of each row's 10 nearest others (by cosine) that both matrices agree on. */
export function neighbourOverlap(a: Float32Array, b: Float32Array, rows: number): number {
  const [left, right] = [unitRows(a, rows), unitRows(b, rows)];
  return sixDigits(overlap(nearestOf(left, left), nearestOf(right, right)));
}

function unitRows(values: Float32Array, rows: number): VectorSet {
  const width = values.length / rows;
  const units = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += width) {
    units.set(normaliseL2(values.subarray(start, start + width)), start);
  }
  return { rows, width, values: units };
}

/** What stands in manifests and reports: the same on machines whose float sums differ in the last bits. */
export function sixDigits(value: number): number {
  return Number(value.toFixed(6));
}

/** One array after another. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
