// How well vectors find their own class: every photograph asks for all others, leave one out.

import { createTopRows } from '../search/neighbours.ts';

/** Vectors of Euclidean length 1, row-major [rows, width]. */
export interface VectorSet {
  readonly rows: number;
  readonly width: number;
  readonly values: Float32Array;
}

export interface RetrievalFigures {
  /** Mean over the queries of the average precision over all others, 0…1. */
  readonly meanAveragePrecision: number;
  /** Share of the query's class among its 10 nearest. */
  readonly precisionAt10: number;
  /** Share of the queries with one of their class among the k nearest, by k. */
  readonly recallAt: Readonly<Record<1 | 5 | 10, number>>;
  /** Photographs that asked: those whose class has another one. */
  readonly queries: number;
}

export interface Retrieval {
  /** Null without classes. */
  readonly figures: RetrievalFigures | null;
  /** The 10 nearest of each row, best first: [rows, NEAREST], −1 where there are fewer. */
  readonly nearest: Int32Array;
}

export const NEAREST = 10;
/** Queries scored at once: each value of a row is read once for all of them. */
const TILE = 4;

/**
 * Cosines of all pairs, a few queries at a time: memory rows × 4, whatever the number of photographs. Among
 * equal cosines a photograph of another class counts as nearer. `classes`: one number per row.
 */
export function retrieve(vectors: VectorSet, classes: Int32Array | null): Retrieval {
  const { rows } = vectors;
  const nearest = new Int32Array(rows * NEAREST).fill(-1);
  const sums = { average: 0, ten: 0, recall: { 1: 0, 5: 0, 10: 0 }, queries: 0 };
  for (const { row, scores } of scoredRows(vectors, vectors)) {
    nearest.set(nearestRows(scores, row), row * NEAREST);
    if (classes === null) continue;
    const ranks = relevantRanks(scores, classes, row);
    if (ranks.length === 0) continue;
    sums.queries += 1;
    sums.average += ranks.reduce((sum, rank, index) => sum + (index + 1) / rank, 0) / ranks.length;
    sums.ten += ranks.filter((rank) => rank <= 10).length / Math.min(10, rows - 1);
    for (const k of [1, 5, 10] as const) sums.recall[k] += (ranks[0] ?? Infinity) <= k ? 1 : 0;
  }
  if (sums.queries === 0) return { figures: null, nearest };
  const share = (sum: number) => sum / sums.queries;
  const { recall } = sums;
  return {
    figures: {
      meanAveragePrecision: share(sums.average),
      precisionAt10: share(sums.ten),
      recallAt: { 1: share(recall[1]), 5: share(recall[5]), 10: share(recall[10]) },
      queries: sums.queries,
    },
    nearest,
  };
}

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
function* scoredRows(
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

function nearestRows(scores: Float32Array, self: number): Int32Array {
  const top = createTopRows(Math.min(NEAREST, scores.length - 1));
  scores.forEach((score, row) => {
    if (row !== self && score > top.threshold) top.offer(row, score);
  });
  return top.ranked().rows;
}

/** Ranks (1 is the nearest) of the photographs of the query's class, ascending. */
function relevantRanks(scores: Float32Array, classes: Int32Array, self: number): number[] {
  const own = classes[self];
  const right = scores.filter((_, row) => row !== self && classes[row] === own).sort();
  const wrong = scores.filter((_, row) => classes[row] !== own).sort();
  let below = wrong.length;
  return Array.from(right.toReversed(), (score, before) => {
    // `wrong` ascends: those at or above the score stand before it.
    while (below > 0 && (wrong[below - 1] ?? 0) >= score) below -= 1;
    return wrong.length - below + before + 1;
  });
}
