// The adaptive average pool to 7×7 as nodes: identity for a 7×7 map (224-pixel inputs). For others,
// sums over windows by products with 0/1 matrices, then one multiplication: integer levels sum exactly in
// float32, so every engine gives the same bits.

import { POOLED_SIDE } from '../core/family.ts';
import type { GraphBuilder } from './graph.ts';

/** Start and end (exclusive) of each of the 7 windows along an axis of `side` (PyTorch's rule). */
export function poolWindows(side: number): { start: number; end: number }[] {
  return Array.from({ length: POOLED_SIDE }, (_, index) => ({
    start: Math.floor((index * side) / POOLED_SIDE),
    end: Math.ceil(((index + 1) * side) / POOLED_SIDE),
  }));
}

/**
 * `value` float32 [images, channels, side, side] → [images, channels, 7, 7], the mean of each window
 * times `scale`. Call it for sides other than 7.
 */
export function adaptiveAveragePool(
  builder: GraphBuilder,
  value: string,
  side: number,
  scale: number,
): string {
  const windows = poolWindows(side);
  const rows = windows.flatMap(({ start, end }) =>
    Array.from({ length: side }, (_, position) => (position >= start && position < end ? 1 : 0)),
  );
  const columns = Array.from({ length: side }, (_, position) =>
    windows.map(({ start, end }) => (position >= start && position < end ? 1 : 0)),
  ).flat();
  const factors = windows.flatMap((row) =>
    windows.map((column) => Math.fround(scale / ((row.end - row.start) * (column.end - column.start)))),
  );
  const right = builder.constant('pool.columns', 'float32', [side, POOLED_SIDE], columns);
  const left = builder.constant('pool.rows', 'float32', [POOLED_SIDE, side], rows);
  const factor = builder.constant('pool.factors', 'float32', [POOLED_SIDE, POOLED_SIDE], factors);
  const narrowed = builder.node('MatMul', [value, right], 'pool.narrowed');
  const sums = builder.node('MatMul', [left, narrowed], 'pool.sums');
  return builder.node('Mul', [sums, factor], 'pool.means');
}
