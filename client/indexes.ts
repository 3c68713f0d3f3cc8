// The typed client's calls of /v1/indexes and /v1/aliases: indexes, their items, and searching them.

import { base64ToFloat32 } from '../core/encodings.ts';
import type { Filter, Metadata, VectorSpace } from '../core/vector-store.ts';
import type {
  AliasAnswer,
  AliasDeletedAnswer,
  AliasesAnswer,
  CreateIndexRequest,
  IndexAnswer,
  IndexDeletedAnswer,
  IndexesAnswer,
  ItemsAnswer,
  ItemsDeletedAnswer,
  SearchAnswer,
  SearchOptions,
  UpsertAnswer,
} from '../worker/schemas/indexes.ts';
import { type Image, toImageInput, toVectorInput, type Vector } from './images.ts';

export interface ImageItem {
  readonly id: string;
  readonly image: Image;
  readonly metadata?: Metadata;
}

export interface VectorItem {
  readonly id: string;
  readonly vector: Vector;
  readonly metadata?: Metadata;
}

export interface StoredItem {
  readonly id: string;
  /** Of Euclidean length 1. */
  readonly vector: Float32Array;
  readonly metadata: Metadata;
}

/** What to search by: an image, a vector and what it is of, or the id of an item. */
export type SearchBy =
  | { readonly image: Image }
  | { readonly vector: Vector; readonly space: VectorSpace }
  | { readonly id: string };

export interface IndexClient {
  /** Opens the index where one of this name and of the same vectors exists. */
  create(name: string, options?: Omit<CreateIndexRequest, 'name'>): Promise<IndexAnswer>;
  list(): Promise<IndexesAnswer>;
  describe(name: string): Promise<IndexAnswer>;
  /** With all items. */
  delete(name: string): Promise<IndexDeletedAnswer>;
  /** Images that cannot be read stand in the answer's `errors`, the others go in. */
  upsert(name: string, items: readonly ImageItem[]): Promise<UpsertAnswer>;
  /** Vectors made elsewhere; `space` says what they are of. */
  upsertVectors(name: string, space: VectorSpace, items: readonly VectorItem[]): Promise<UpsertAnswer>;
  /** Those of the ids that exist, in the order asked. */
  get(name: string, ids: readonly string[]): Promise<StoredItem[]>;
  deleteItems(name: string, ids: readonly string[]): Promise<ItemsDeletedAnswer>;
  search(
    name: string,
    by: SearchBy,
    options?: Omit<SearchOptions, 'filter'> & { readonly filter?: Filter },
  ): Promise<SearchAnswer>;
  /** Wherever an index is named, an alias of it will do, but to delete it. */
  listAliases(): Promise<AliasesAnswer>;
  /** Makes the alias, or moves it to another index at once. */
  setAlias(alias: string, index: string): Promise<AliasAnswer>;
  /** Its index stays. */
  deleteAlias(alias: string): Promise<AliasDeletedAnswer>;
}

/** One request of the client: with its key, its patience and its errors. */
export type Request = <Answer>(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
) => Promise<Answer>;

export function createIndexClient(request: Request): IndexClient {
  const pathOf = (name: string, rest = '') => `/v1/indexes/${encodeURIComponent(name)}${rest}`;
  const aliasPath = (alias: string) => `/v1/aliases/${encodeURIComponent(alias)}`;
  return {
    create: (name, options = {}) => request('POST', '/v1/indexes', { ...options, name }),
    list: () => request('GET', '/v1/indexes'),
    describe: (name) => request('GET', pathOf(name)),
    delete: (name) => request('DELETE', pathOf(name)),
    async upsert(name, items) {
      const ready = items.map(async (item) => ({ ...item, image: await toImageInput(item.image) }));
      return request('POST', pathOf(name, '/items'), { items: await Promise.all(ready) });
    },
    upsertVectors(name, space, items) {
      const ready = items.map((item) => ({ ...item, vector: toVectorInput(item.vector) }));
      return request('POST', pathOf(name, '/items'), { items: ready, space });
    },
    async get(name, ids) {
      const { data } = await request<ItemsAnswer>('POST', pathOf(name, '/items/get'), { ids });
      return data.map((item) => ({ ...item, vector: base64ToFloat32(item.vector, 'vector') }));
    },
    deleteItems: (name, ids) => request('POST', pathOf(name, '/items/delete'), { ids }),
    search: async (name, by, options = {}) =>
      request('POST', pathOf(name, '/search'), { ...options, ...(await toQuery(by)) }),
    listAliases: () => request('GET', '/v1/aliases'),
    setAlias: (alias, index) => request('PUT', aliasPath(alias), { index }),
    deleteAlias: (alias) => request('DELETE', aliasPath(alias)),
  };
}

async function toQuery(by: SearchBy): Promise<object> {
  if ('image' in by) return { input: await toImageInput(by.image) };
  return 'vector' in by ? { vector: toVectorInput(by.vector), space: by.space } : { id: by.id };
}
