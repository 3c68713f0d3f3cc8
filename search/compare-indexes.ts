// Two indexes of the same images, side by side: what a search finds in each, before an alias moves from one
// to the other. Each query is an item of both, left out of its own answer.

import { InputError } from '../core/errors.ts';
import { type Hit, MAX_TOP_K, type VectorIndex } from '../core/vector-store.ts';

export interface ComparedQuery {
  readonly id: string;
  /** Share of the hits that both have, 0…1. */
  readonly overlap: number;
  readonly before: readonly Hit[];
  readonly after: readonly Hit[];
}

/** Of the best hits' cosines. */
export interface ScoreSpread {
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
}

export interface Comparison {
  readonly topK: number;
  /** In the order asked; items that one of the two does not have are left out. */
  readonly queries: readonly ComparedQuery[];
  /** Of the `topK` nearest, over the queries: 0…1. */
  readonly overlap: { readonly mean: number; readonly p10: number; readonly min: number };
  /** Share of the queries whose best hit is the same. */
  readonly sameFirst: number;
  readonly scores: { readonly before: ScoreSpread; readonly after: ScoreSpread };
  /** Mean of the hits' cosines, after less before, rank by rank. */
  readonly shift: number;
  /** A `min_score` of before, and the one that lets the same share of hits through after. */
  readonly thresholds: readonly {
    readonly before: number;
    readonly after: number;
    readonly share: number;
  }[];
}

export interface CompareOptions {
  readonly topK: number;
  /** Called after each query. */
  readonly onQuery?: (done: number, total: number) => void;
}

const THRESHOLDS = [0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5];
/** Items of one index alone take places from those that both could find: so many more are asked for. */
const MARGIN = 2;

/** Throws InputError where no id is an item of both, and what the stores throw. */
export async function compareIndexes(
  before: VectorIndex,
  after: VectorIndex,
  ids: readonly string[],
  { topK, onQuery }: CompareOptions,
): Promise<Comparison> {
  const queries: ComparedQuery[] = [];
  for (const [place, id] of ids.entries()) {
    const query = await compareOne(before, after, id, topK);
    if (query !== undefined) queries.push(query);
    onQuery?.(place + 1, ids.length);
  }
  if (queries.length === 0) {
    throw new InputError('not_found', 'Expected items that both indexes have but found none to ask by.');
  }
  const overlaps = queries.map(({ overlap }) => overlap).sort(ascending);
  const firsts = queries.filter((query) => query.before[0]?.id === query.after[0]?.id).length;
  const pairs = queries.flatMap((query) =>
    query.before.flatMap(({ score }, rank) => {
      const other = query.after[rank];
      return other === undefined ? [] : [{ before: score, after: other.score }];
    }),
  );
  const scoresBefore = pairs.map((pair) => pair.before).sort(ascending);
  const scoresAfter = pairs.map((pair) => pair.after).sort(ascending);
  return {
    topK,
    queries,
    overlap: { mean: mean(overlaps), p10: quantile(overlaps, 0.1), min: overlaps[0] ?? 0 },
    sameFirst: firsts / queries.length,
    scores: {
      before: spread(queries.map((query) => query.before)),
      after: spread(queries.map((query) => query.after)),
    },
    shift: mean(pairs.map((pair) => pair.after - pair.before)),
    thresholds: THRESHOLDS.flatMap((threshold) => {
      const place = scoresBefore.findIndex((score) => score >= threshold);
      const score = scoresAfter[place];
      if (place <= 0 || score === undefined) return [];
      return [{ before: threshold, after: score, share: (pairs.length - place) / pairs.length }];
    }),
  };
}

/** Undefined where one of the two does not have the item. */
async function compareOne(
  before: VectorIndex,
  after: VectorIndex,
  id: string,
  topK: number,
): Promise<ComparedQuery | undefined> {
  const ask = (index: VectorIndex) =>
    index.query({ by: { id }, topK: Math.min(MAX_TOP_K, topK * MARGIN), excludeSelf: true });
  let hitsBefore: Hit[];
  let hitsAfter: Hit[];
  try {
    [hitsBefore, hitsAfter] = await Promise.all([ask(before), ask(after)]);
  } catch (error) {
    if (error instanceof InputError && error.code === 'not_found') return undefined;
    throw error;
  }
  const [keptBefore, keptAfter] = await Promise.all([
    keepKnown(hitsBefore, hitsAfter, after),
    keepKnown(hitsAfter, hitsBefore, before),
  ]);
  const best = { before: keptBefore.slice(0, topK), after: keptAfter.slice(0, topK) };
  const found = new Set(best.after.map((hit) => hit.id));
  const common = best.before.filter((hit) => found.has(hit.id)).length;
  const most = Math.max(best.before.length, best.after.length);
  return { id, overlap: most === 0 ? 1 : common / most, ...best };
}

/** Without the hits that the other index does not have at all: new images, and such as are gone. */
async function keepKnown(hits: readonly Hit[], others: readonly Hit[], other: VectorIndex): Promise<Hit[]> {
  const known = new Set(others.map(({ id }) => id));
  const doubtful = hits.filter(({ id }) => !known.has(id)).map(({ id }) => id);
  for (const { id } of await other.get(doubtful)) known.add(id);
  return hits.filter(({ id }) => known.has(id));
}

function spread(hits: readonly (readonly Hit[])[]): ScoreSpread {
  const best = hits.flatMap(([first]) => (first === undefined ? [] : [first.score])).sort(ascending);
  return { p10: quantile(best, 0.1), p50: quantile(best, 0.5), p90: quantile(best, 0.9) };
}

/** The nearest rank; 0 of nothing. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function ascending(a: number, b: number): number {
  return a - b;
}
