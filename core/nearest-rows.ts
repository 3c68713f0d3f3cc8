// The nearest rows of each row by comparing all, and how many of them two sets of vectors agree on: what the
// certificates and measurements of a model are made with. Stores search by search/scan-matrix.ts.

import { createTopRows } from './top-rows.ts';

/** Vectors of Euclidean length 1, row-major [rows, width]. */
export interface VectorSet {
  readonly rows: number;
  readonly width: number;
  readonly values: Float32Array;
}

export const NEAREST = 10;
/** Queries scored at once: each value of a row is read once for all of them. */
const TILE = 4;

/**
 * The 10 nearest of each query in the index, best first: [queries, NEAREST], −1 where there are fewer. Row i
 * of both is of the same photograph, which does not find itself.
 */
export function nearestOf(queries: VectorSet, index: VectorSet): Int32Array {
  const nearest = new Int32Array(queries.rows * NEAREST).fill(-1);
  for (const { row, scores } of scoredRows(queries, index))
    nearest.set(nearestRows(scores, row), row * NEAREST);
  return nearest;
}

/** Mean share of each row's nearest that both sets agree on, 0…1; the order among them is no matter. */
export function overlap(a: Int32Array, b: Int32Array): number {
  let common = 0;
  let all = 0;
  for (let start = 0; start < a.length; start += NEAREST) {
    const others = new Set(b.subarray(start, start + NEAREST));
    for (const row of a.subarray(start, start + NEAREST)) {
      if (row < 0) continue;
      all += 1;
      if (others.has(row)) common += 1;
    }
  }
  return all === 0 ? 1 : common / all;
}

/** Each query with its cosines with every row of the index, which are overwritten by those of the next. */
export function* scoredRows(
  queries: VectorSet,
  index: VectorSet,
): Generator<{ readonly row: number; readonly scores: Float32Array }> {
  const scores = new Float32Array(TILE * index.rows);
  for (let start = 0; start < queries.rows; start += TILE) {
    const count = Math.min(TILE, queries.rows - start);
    scoreTile(queries, index, start, count, scores);
    for (let query = 0; query < count; query += 1) {
      const own = scores.subarray(query * index.rows, (query + 1) * index.rows);
      yield { row: start + query, scores: own };
    }
  }
}

/** Cosines of `count` queries from `start` with every row of the index: scores [count, rows]. */
function scoreTile(
  queries: VectorSet,
  { rows, width, values }: VectorSet,
  start: number,
  count: number,
  scores: Float32Array,
) {
  // Past the last query stand rows that are scored for nothing.
  const query = (index: number) => {
    const from = Math.min(start + index, queries.rows - 1) * width;
    return queries.values.subarray(from, from + width);
  };
  const [first, second, third, fourth] = [query(0), query(1), query(2), query(3)];
  for (let row = 0; row < rows; row += 1) {
    let [ofFirst, ofSecond, ofThird, ofFourth] = [0, 0, 0, 0];
    const from = row * width;
    for (let index = 0; index < width; index += 1) {
      const value = values[from + index] ?? 0;
      ofFirst += value * (first[index] ?? 0);
      ofSecond += value * (second[index] ?? 0);
      ofThird += value * (third[index] ?? 0);
      ofFourth += value * (fourth[index] ?? 0);
    }
    const found = [ofFirst, ofSecond, ofThird, ofFourth];
    for (let index = 0; index < count; index += 1) scores[index * rows + row] = found[index] ?? 0;
  }
}

/** Of one query, that does not find itself: best first, fewer than NEAREST where there are not so many. */
export function nearestRows(scores: Float32Array, self: number): Int32Array {
  const top = createTopRows(Math.min(NEAREST, scores.length - 1));
  scores.forEach((score, row) => {
    if (row !== self && score > top.threshold) top.offer(row, score);
  });
  return top.ranked().rows;
}
