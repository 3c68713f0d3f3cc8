// Lists of neighbours, best first, merged from shards.

import type { Metadata } from '../core/vector-store.ts';

export interface Neighbour {
  readonly id: string;
  /** Cosine. */
  readonly score: number;
  readonly metadata: Metadata;
}

/** Descending score; equal scores in order of id, so that every store answers alike. */
export function byScore(a: Pick<Neighbour, 'id' | 'score'>, b: Pick<Neighbour, 'id' | 'score'>): number {
  return b.score - a.score || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** The best `count` of several lists. */
export function mergeNeighbours(lists: readonly (readonly Neighbour[])[], count: number): Neighbour[] {
  return lists.flat().sort(byScore).slice(0, count);
}
