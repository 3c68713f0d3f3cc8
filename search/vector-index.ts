// What all stores do alike: checks, spaces, queries by id, leaving out the item itself, folding of
// near-duplicates. A store brings an IndexBackend, which stores and finds; this makes a VectorIndex of it.

import { dot } from '../core/cosine.ts';
import { normaliseL2 } from '../core/descriptors.ts';
import { InputError } from '../core/errors.ts';
import {
  type Hit,
  type Item,
  MAX_TOP_K,
  MAX_UPSERT_ITEMS,
  type Query,
  SAME_SCORE,
  type VectorIndex,
  type VectorSpace,
  vectorSpaceSchema,
} from '../core/vector-store.ts';
import { type Condition, checkMetadata, isPlainText, PLAIN_TEXT, parseFilter } from './metadata-filter.ts';
import { byScore, type Neighbour } from './neighbours.ts';

/** Vectors arrive checked and of Euclidean length 1, ids without repetition. */
export interface IndexBackend {
  count(): Promise<number>;
  put(items: readonly Item[]): Promise<void>;
  /** Those that exist, in any order. */
  get(ids: readonly string[]): Promise<Item[]>;
  delete(ids: readonly string[]): Promise<void>;
  /** The `count` items of highest cosine that meet all conditions; fewer only where there are no more. */
  nearest(vector: Float32Array, count: number, conditions: readonly Condition[]): Promise<Neighbour[]>;
  /** The largest `count` that `nearest` can serve. */
  readonly maxNearest: number;
}

const INDEX_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const MAX_ID_BYTES = 512;

export function createVectorIndex(name: string, space: VectorSpace, backend: IndexBackend): VectorIndex {
  const startOf = async (by: Query['by']): Promise<Float32Array> => {
    if ('vector' in by) {
      checkSpace(name, space, by.space);
      return unitVector('the query', by.vector, space.dimensions);
    }
    const [item] = await backend.get([by.id]);
    if (item === undefined) {
      throw new InputError('not_found', `Expected an item '${by.id}' in index '${name}' but there is none.`, {
        param: 'id',
      });
    }
    return item.vector;
  };

  return {
    name,
    space,
    describe: async () => ({ name, space, items: await backend.count() }),

    async upsert(itemSpace, items) {
      checkSpace(name, space, itemSpace);
      if (items.length > MAX_UPSERT_ITEMS) {
        throw invalid('items', `at most ${MAX_UPSERT_ITEMS}`, String(items.length));
      }
      const latest = new Map(
        items.map(({ id, vector, metadata }) => {
          checkId(id);
          const checked = checkMetadata(id, metadata);
          const unit = unitVector(`item '${id}'`, vector, space.dimensions);
          return [id, { id, vector: unit, metadata: checked }];
        }),
      );
      if (latest.size > 0) await backend.put([...latest.values()]);
    },

    async get(ids) {
      if (ids.length === 0) return [];
      const found = new Map((await backend.get([...new Set(ids)])).map((item) => [item.id, item]));
      return ids.flatMap((id) => found.get(id) ?? []);
    },

    async delete(ids) {
      if (ids.length > 0) await backend.delete([...new Set(ids)]);
    },

    async query(query) {
      checkQuery(query, backend.maxNearest);
      const conditions = parseFilter(query.filter);
      const vector = await startOf(query.by);
      const limit = Math.min(MAX_TOP_K, backend.maxNearest);
      const isSelf = ({ id, score }: Neighbour) =>
        'id' in query.by ? id === query.by.id : score >= SAME_SCORE;
      let count = Math.min(limit, query.topK + (query.excludeSelf === true ? 1 : 0));
      for (;;) {
        const found = (await backend.nearest(vector, count, conditions)).map(clamp).toSorted(byScore);
        const wanted = found.filter(
          (neighbour) =>
            neighbour.score >= (query.minScore ?? -Infinity) &&
            !(query.excludeSelf === true && isSelf(neighbour)),
        );
        const hits = await fold(wanted, query, backend);
        // More neighbours are asked for only where folding or leaving out has used some up.
        const lastScore = found.at(-1)?.score ?? -Infinity;
        const exhausted = found.length < count || lastScore < (query.minScore ?? -Infinity);
        if (hits.length >= query.topK || exhausted || count === limit) return hits.slice(0, query.topK);
        count = Math.min(limit, count * 2);
      }
    },
  };
}

/** Whether vectors of the two are comparable. */
export function isSameSpace(one: VectorSpace, other: VectorSpace): boolean {
  return differingKeys(one, other).length === 0;
}

function differingKeys(one: VectorSpace, other: VectorSpace): (keyof VectorSpace)[] {
  const keys = Object.keys(vectorSpaceSchema.shape) as (keyof VectorSpace)[];
  return keys.filter((key) => one[key] !== other[key]);
}

/** Throws InputError('index_mismatch') that says how the two differ and how to index anew. */
export function checkSpace(name: string, expected: VectorSpace, found: VectorSpace): void {
  const differing = differingKeys(expected, found);
  if (differing.length === 0) return;
  const show = (space: VectorSpace) => differing.map((key) => `${key} ${space[key] ?? 'none'}`).join(', ');
  throw new InputError(
    'index_mismatch',
    `Expected vectors of ${show(expected)} for index '${name}' but found ${show(found)}. ` +
      'Such vectors cannot be compared: make a new index and embed the images again ' +
      `(vgg-edge reindex or index, or POST /v1/indexes and upsert), then delete '${name}'.`,
    { param: 'index' },
  );
}

export function isIndexName(name: string): boolean {
  return INDEX_NAME.test(name);
}

/** Throws InputError where it is no name of an index. */
export function checkIndexName(name: string): void {
  if (!isIndexName(name)) {
    throw invalid('the index name', '1 to 63 of a–z, 0–9 and -, not beginning with -', `'${name}'`, 'name');
  }
}

/** The space read back from where a store keeps it, or given by a caller. Throws InputError. */
export function parseSpace(value: unknown): VectorSpace {
  const result = vectorSpaceSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw invalid(
    `the index's space at '${issue?.path.join('.') ?? ''}'`,
    'a valid value',
    issue?.message ?? '',
    'space',
  );
}

export function noSuchIndex(name: string): InputError {
  return new InputError('not_found', `Expected an index '${name}' but there is none. Create it first.`, {
    param: 'index',
  });
}

/** Rounding takes cosines a little beyond 1. */
function clamp(neighbour: Neighbour): Neighbour {
  return { ...neighbour, score: Math.max(-1, Math.min(1, neighbour.score)) };
}

/** Keeps the order; a hit takes in every later one that is too much like it. */
async function fold(
  neighbours: Neighbour[],
  { fold: threshold }: Query,
  backend: IndexBackend,
): Promise<Hit[]> {
  if (threshold === undefined) return neighbours.map((neighbour) => ({ ...neighbour, folded: [] }));
  const items = await backend.get(neighbours.map(({ id }) => id));
  const vectors = new Map(items.map(({ id, vector }) => [id, vector]));
  const groups: { hit: Neighbour; vector: Float32Array; folded: string[] }[] = [];
  for (const hit of neighbours) {
    const vector = vectors.get(hit.id);
    if (vector === undefined) continue; // deleted meanwhile
    const like = groups.find((group) => dot(group.vector, vector) >= threshold);
    if (like === undefined) groups.push({ hit, vector, folded: [] });
    else like.folded.push(hit.id);
  }
  return groups.map(({ hit, folded }) => ({ ...hit, folded }));
}

function unitVector(name: string, vector: Float32Array, dimensions: number): Float32Array {
  if (vector.length !== dimensions) {
    throw invalid(`the vector of ${name}`, `${dimensions} values`, String(vector.length), 'vector');
  }
  if (!vector.every(Number.isFinite))
    throw invalid(`the vector of ${name}`, 'finite values', 'others', 'vector');
  const unit = normaliseL2(vector);
  if (!unit.some((value) => value !== 0))
    throw invalid(`the vector of ${name}`, 'a value other than 0', 'none', 'vector');
  return unit;
}

/** Throws InputError where it is no id of an item. */
export function checkId(id: string): void {
  const bytes = new TextEncoder().encode(id).length;
  if (bytes < 1 || bytes > MAX_ID_BYTES) throw invalid('id', `1 to ${MAX_ID_BYTES} bytes`, String(bytes));
  if (!isPlainText(id)) throw invalid('id', PLAIN_TEXT, JSON.stringify(id));
}

/** Throws InputError naming the option. */
export function checkQuery({ topK, minScore, fold }: Query, maxNearest: number = MAX_TOP_K): void {
  const most = Math.min(MAX_TOP_K, maxNearest);
  if (!Number.isInteger(topK) || topK < 1 || topK > most) {
    throw invalid('top_k', `a whole number from 1 to ${most}`, String(topK));
  }
  for (const [name, value] of [
    ['min_score', minScore],
    ['fold', fold],
  ] as const) {
    if (value !== undefined && !(value >= -1 && value <= 1)) {
      throw invalid(name, 'a number from -1 to 1', String(value));
    }
  }
}

/** `param` is the request's field, where the name is longer. */
function invalid(name: string, expected: string, found: string, param = name): InputError {
  return new InputError('invalid_option', `Expected ${expected} for ${name} but found ${found}.`, { param });
}
