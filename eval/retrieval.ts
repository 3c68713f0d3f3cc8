// How well vectors find their own class: every photograph asks for all others, leave one out.

import { NEAREST, nearestRows, scoredRows, type VectorSet } from '../core/nearest-rows.ts';

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
