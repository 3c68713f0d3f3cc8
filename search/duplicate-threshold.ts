// Which cosine tells a copy of a photo from another photo: measured on copies made of the photos themselves.

import { toInt8 } from '../core/quantise-vector.ts';
import { createScanMatrix } from './scan-matrix.ts';

export interface Copy {
  /** What was done to the photo: `crop`, `flip`. */
  readonly kind: string;
  /** The photo it was made of, by its place among the originals. */
  readonly original: number;
  /** Euclidean length 1. */
  readonly vector: Float32Array;
}

export interface ThresholdRow {
  readonly threshold: number;
  /** Of all pairs of a copy and a photo at or above the threshold, those of a copy and its own photo. */
  readonly precision: number;
  /** Of all copies, those that find their own photo; over all, and of each kind. */
  readonly recall: number;
  readonly recallOf: Readonly<Record<string, number>>;
}

export interface ThresholdMeasurement {
  readonly photos: number;
  readonly copies: number;
  /** Ascending thresholds. */
  readonly rows: readonly ThresholdRow[];
}

const LOWEST = 0.5;
const STEP = 0.005;
const STEPS = 100;

/** Every copy is compared with every original; only counts per threshold are kept. */
export function measureThresholds(
  kernel: WebAssembly.Module,
  originals: readonly Float32Array[],
  copies: readonly Copy[],
): ThresholdMeasurement {
  const matrix = createScanMatrix(kernel, originals[0]?.length ?? 1);
  originals.forEach((vector, row) => {
    matrix.set(row, toInt8(vector));
  });
  const right = new Map<string, Uint32Array>();
  const wrong = new Uint32Array(STEPS + 1);
  for (const { kind, original, vector } of copies) {
    const found = right.get(kind) ?? new Uint32Array(STEPS + 1);
    right.set(kind, found);
    matrix.scan(vector, (first, scores) => {
      scores.forEach((score, index) => {
        const step = Math.min(STEPS, Math.floor((score - LOWEST) / STEP + 1e-6));
        if (step < 0) return;
        const counts = first + index === original ? found : wrong;
        counts[step] = (counts[step] ?? 0) + 1;
      });
    });
  }
  const totals = new Map<string, number>();
  for (const { kind } of copies) totals.set(kind, (totals.get(kind) ?? 0) + 1);
  const above = (counts: Uint32Array, step: number) =>
    counts.subarray(step).reduce((sum, count) => sum + count, 0);
  const rows = Array.from({ length: STEPS }, (_, step): ThresholdRow => {
    const perKind = [...right].map(([kind, counts]) => [kind, above(counts, step)] as const);
    const hits = perKind.reduce((sum, [, count]) => sum + count, 0);
    const misses = above(wrong, step);
    return {
      threshold: Number((LOWEST + step * STEP).toFixed(3)),
      precision: hits + misses === 0 ? 1 : hits / (hits + misses),
      recall: copies.length === 0 ? 0 : hits / copies.length,
      recallOf: Object.fromEntries(perKind.map(([kind, count]) => [kind, count / (totals.get(kind) ?? 1)])),
    };
  });
  return { photos: originals.length, copies: copies.length, rows };
}

/** The row that finds most copies among those of at least this precision; undefined where there is none. */
export function chooseThreshold({ rows }: ThresholdMeasurement, precision: number): ThresholdRow | undefined {
  // Recall only falls with the threshold, so the first that is precise enough finds most.
  return rows.find((row) => row.precision >= precision);
}
