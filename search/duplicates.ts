// Photos that are alike among many: pairs by the exact scan, one photo against blocks of all others, and
// groups of pairs. Memory grows with the photos and the pairs kept, never with photos × photos.

import type { Int8Vector } from '../core/quantise-vector.ts';
import { createTopRows } from '../core/top-rows.ts';
import { createScanMatrix } from './scan-matrix.ts';

/** Rows a < b. */
export interface Pair {
  readonly a: number;
  readonly b: number;
  /** Cosine. */
  readonly score: number;
}

export interface PairOptions {
  /** Lowest cosine of a pair. */
  readonly threshold: number;
  /** Pairs kept of one row with those after it, the best. */
  readonly perRow: number;
  readonly progress?: (done: number, total: number) => void;
}

/** Rows between two calls of `progress`. */
const PROGRESS_ROWS = 256;

/** `kernel` is the compiled search/scan.wasm. Pairs in order of a, then of score. */
export function findPairs(
  kernel: WebAssembly.Module,
  vectors: readonly Int8Vector[],
  { threshold, perRow, progress }: PairOptions,
): Pair[] {
  const matrix = createScanMatrix(kernel, vectors[0]?.values.length ?? 1);
  // From the last row on: the matrix then holds just the rows that come after the one that asks.
  const pairs: Pair[] = [];
  const last = vectors.length - 1;
  vectors.toReversed().forEach((vector, done) => {
    const a = last - done;
    if (matrix.rows > 0) {
      const top = createTopRows(Math.min(perRow, matrix.rows));
      matrix.scan(Float32Array.from(vector.values), (first, scores) => {
        for (let index = 0; index < scores.length; index += 1) {
          const score = scores[index] ?? 0;
          if (score >= threshold) top.offer(first + index, score);
        }
      });
      const { rows, scores } = top.ranked();
      rows.forEach((row, place) => {
        pairs.push({ a, b: last - row, score: scores[place] ?? 0 });
      });
    }
    matrix.set(matrix.rows, vector);
    if (done % PROGRESS_ROWS === 0 || a === 0) progress?.(done + 1, vectors.length);
  });
  return pairs.sort((p, q) => p.a - q.a || q.score - p.score || p.b - q.b);
}

export interface Member {
  readonly row: number;
  readonly score: number;
  /** The row that the score is with: the centre, or a member where the centre is too different. */
  readonly like: number;
}

export interface Group {
  /** The row most others are alike to. */
  readonly centre: number;
  /** Best first. */
  readonly members: readonly Member[];
}

/**
 * Stars: a centre and those paired with it, each row in one group. Chains, in which the first and the last
 * have nothing in common, fall into several; what then is left over joins the group of the row most like
 * it. Largest groups first.
 */
export function groupPairs(pairs: readonly Pair[]): Group[] {
  const neighbours = new Map<number, Omit<Member, 'like'>[]>();
  const link = (from: number, row: number, score: number) => {
    const list = neighbours.get(from) ?? [];
    list.push({ row, score });
    neighbours.set(from, list);
  };
  for (const { a, b, score } of pairs) {
    link(a, b, score);
    link(b, a, score);
  }
  const groupOf = new Map<number, { centre: number; members: Member[] }>();
  for (const [centre, free] of byFreeNeighbours(neighbours, groupOf)) {
    const group = { centre, members: free.map((member) => ({ ...member, like: centre })) };
    for (const row of [centre, ...free.map((member) => member.row)]) groupOf.set(row, group);
  }
  for (const [row, list] of neighbours) {
    if (groupOf.has(row)) continue;
    const [best] = list.toSorted((x, y) => y.score - x.score || x.row - y.row);
    if (best === undefined) continue;
    const group = groupOf.get(best.row);
    group?.members.push({ row, score: best.score, like: best.row });
  }
  const groups = [...new Set(groupOf.values())];
  for (const { members } of groups) members.sort((x, y) => y.score - x.score || x.row - y.row);
  return groups.sort((x, y) => y.members.length - x.members.length || x.centre - y.centre);
}

/**
 * Rows that are in no group with their neighbours that are in none, those with most of them first. The
 * numbers only fall while groups form, so a row is looked at again where its own has fallen.
 */
function* byFreeNeighbours<Neighbour extends { readonly row: number }>(
  neighbours: ReadonlyMap<number, readonly Neighbour[]>,
  taken: ReadonlyMap<number, unknown>,
): Generator<[number, Neighbour[]]> {
  const byCount: number[][] = [];
  const put = (row: number, count: number) => {
    byCount[count] ??= [];
    byCount[count].push(row);
  };
  for (const row of [...neighbours.keys()].sort((a, b) => b - a)) put(row, neighbours.get(row)?.length ?? 0);
  for (let count = byCount.length - 1; count > 0; count -= 1) {
    for (let row = byCount[count]?.pop(); row !== undefined; row = byCount[count]?.pop()) {
      if (taken.has(row)) continue;
      const free = (neighbours.get(row) ?? []).filter((neighbour) => !taken.has(neighbour.row));
      if (free.length === count) yield [row, free];
      else if (free.length > 0) put(row, free.length);
    }
  }
}
