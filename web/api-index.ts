// An index behind the API, by its routes alone: whatever store the server has.

import { base64ToFloat32, float32ToBase64 } from '../core/encodings.ts';
import type { VectorSpace } from '../core/vector-store.ts';
import type { EmbeddingsAnswer } from '../worker/schemas/embeddings.ts';
import type { UpsertAnswer } from '../worker/schemas/indexes.ts';
import type { ApiRequests } from './api-requests.ts';
import type { Hit, NewItem, PhotoIndex, ReadableIndex } from './backend.ts';
import { toBase64 } from './bytes.ts';
import { ApiError } from './page-error.ts';

/** Items that are fetched at once. */
const PAGE_OF_IDS = 200;
/** Hits of one search for a sample: the API's most, and what the store with the least allows. */
const SAMPLE_HITS = [1000, 100] as const;
/** Searches for a sample; each that finds nothing new asks in another direction. */
const MAX_PROBES = 12;

/** Bytes of a photograph from which it goes alone: JSON holds a third more, and the API refuses large bodies. */
const LARGE = 1024 * 1024;

/** Statuses that are about the photograph. */
const UNREADABLE: ReadonlySet<number> = new Set([400, 413, 415, 422]);

interface Hits {
  readonly data: readonly Hit[];
}

/** What is kept of a photograph. */
export type LayerAndPool = Pick<VectorSpace, 'layer' | 'pool'>;

interface StoredItem {
  readonly id: string;
  readonly vector: string;
}

export function openApiIndex(requests: ApiRequests, name: string): ReadableIndex {
  const { ask } = requests;
  const path = `/v1/indexes/${name}`;
  return {
    async search(by, count) {
      const { data } =
        typeof by === 'string'
          ? await ask<Hits>('POST', `${path}/search`, { id: by, top_k: count, exclude_self: true })
          : await ask<Hits>('POST', `${path}/search?top_k=${count}`, by);
      return data;
    },
    async sample(limit) {
      const { items, space } = await ask<{ items: number; space: VectorSpace }>('GET', path);
      const ids = await probe(requests, path, space, Math.min(limit, items));
      return { total: Math.max(items, ids.length), vectors: await getVectors(requests, path, ids) };
    },
  };
}

export function openApiPhotoIndex(requests: ApiRequests, name: string): PhotoIndex {
  const { ask } = requests;
  const path = `/v1/indexes/${name}`;
  return {
    ...openApiIndex(requests, name),
    has: async (ids) => new Set((await getVectors(requests, path, ids)).keys()),
    async add(items) {
      const failed = new Map<string, string>();
      const upsert = async (these: readonly NewItem[], body: () => Promise<object>) => {
        try {
          const { errors = [] } = await ask<UpsertAnswer>('POST', `${path}/items`, await body());
          for (const { index, error } of errors) failed.set(these[index]?.id ?? '', error.message);
        } catch (error) {
          if (!(error instanceof ApiError) || !UNREADABLE.has(error.status)) throw error;
          for (const { id } of these) failed.set(id, error.message);
        }
      };
      const small = items.filter(({ file }) => file.size < LARGE);
      if (small.length > 0) {
        await upsert(small, async () => ({
          items: await Promise.all(small.map(async ({ id, file }) => ({ id, image: await toBase64(file) }))),
        }));
      }
      for (const item of items.filter(({ file }) => file.size >= LARGE)) {
        await upsert([item], async () => {
          const { space } = await ask<{ space: VectorSpace }>('GET', path);
          const vector = await embed(requests, item.file, space);
          return { items: [{ id: item.id, vector: float32ToBase64(vector) }], space };
        });
      }
      return failed;
    },
    async delete(id) {
      await ask('POST', `${path}/items/delete`, { ids: [id] });
    },
  };
}

/** The photograph's vector; `dimensions` where they are fewer than the layer's, by a projection. */
export async function embed(
  { ask }: ApiRequests,
  photo: Blob,
  { layer, pool, projection, dimensions }: LayerAndPool & Partial<VectorSpace>,
): Promise<Float32Array> {
  const options = new URLSearchParams({ layer, pool, encoding_format: 'base64' });
  if (projection !== undefined && projection !== null) options.set('dimensions', String(dimensions));
  const { data } = await ask<EmbeddingsAnswer>('POST', `/v1/embeddings?${options}`, photo);
  return base64ToFloat32(String(data[0]?.embedding), 'embedding');
}

/**
 * Ids from all over the index: the API lists none, so it is searched from several directions. The first
 * search finds everything in an index of up to a thousand items.
 */
async function probe(
  { ask }: ApiRequests,
  path: string,
  space: VectorSpace,
  wanted: number,
): Promise<string[]> {
  const found = new Set<string>();
  let hits: number = SAMPLE_HITS[0];
  for (let count = 0; count < MAX_PROBES && found.size < wanted; count += 1) {
    const vector = float32ToBase64(direction(space.dimensions, count));
    const search = (most: number) =>
      ask<{ data: Hit[] }>('POST', `${path}/search`, { vector, space, top_k: most });
    const { data } = await search(hits).catch((error: unknown) => {
      if (!(error instanceof ApiError) || error.status >= 500 || hits === SAMPLE_HITS[1]) throw error;
      hits = SAMPLE_HITS[1];
      return search(hits);
    });
    for (const { id } of data) found.add(id);
  }
  return [...found].slice(0, wanted);
}

/** The first is the same everywhere, the others are ±1 by a fixed sequence: the same map on every visit. */
function direction(dimensions: number, number: number): Float32Array {
  let state = number * 2_654_435_761;
  return Float32Array.from({ length: dimensions }, () => {
    if (number === 0) return 1;
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state < 0 ? -1 : 1;
  });
}

async function getVectors(
  { ask }: ApiRequests,
  path: string,
  ids: readonly string[],
): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  for (let start = 0; start < ids.length; start += PAGE_OF_IDS) {
    const page = ids.slice(start, start + PAGE_OF_IDS);
    const { data } = await ask<{ data: StoredItem[] }>('POST', `${path}/items/get`, { ids: page });
    for (const { id, vector } of data) found.set(id, base64ToFloat32(vector, 'vector'));
  }
  return found;
}
