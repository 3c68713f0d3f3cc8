// How close one network's outputs are to another's on the same images: the figures of the certificate.

import { cosine } from '../core/cosine.ts';

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

/**
 * The mean share of each row's `count` nearest others (by cosine) that both matrices agree on; fewer
 * where there are not so many rows.
 */
export function neighbourOverlap(a: Float32Array, b: Float32Array, rows: number, count = 10): number {
  const nearest = Math.min(count, rows - 1);
  if (nearest < 1) return 1;
  const left = neighbours(a, rows, nearest);
  const right = neighbours(b, rows, nearest);
  const shared = left.reduce(
    (sum, set, row) => sum + [...set].filter((other) => right[row]?.has(other)).length,
    0,
  );
  return sixDigits(shared / (rows * nearest));
}

function neighbours(values: Float32Array, rows: number, count: number): Set<number>[] {
  const width = values.length / rows;
  const row = (index: number) => values.subarray(index * width, (index + 1) * width);
  return Array.from({ length: rows }, (_, self) => {
    const others = Array.from({ length: rows }, (_unused, other) => other).filter((other) => other !== self);
    const cosines = new Map(others.map((other) => [other, cosine(row(self), row(other))]));
    const sorted = others.sort((x, y) => (cosines.get(y) ?? 0) - (cosines.get(x) ?? 0));
    return new Set(sorted.slice(0, count));
  });
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
