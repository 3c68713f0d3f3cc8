// The indexes of a running vgg-edge server (/v1/indexes) as a vector store.

import * as z from 'zod';
import { askPatiently, type Wait } from '../core/ask-patiently.ts';
import { base64ToFloat32, float32ToBase64, toBase64 } from '../core/encodings.ts';
import { InputError, type InputErrorCode, SourceError } from '../core/errors.ts';
import {
  type Hit,
  type IndexInfo,
  type Item,
  MAX_UPSERT_ITEMS,
  type Metadata,
  type Query,
  type VectorIndex,
  type VectorSpace,
  type VectorStore,
  vectorSpaceSchema,
} from '../core/vector-store.ts';
import { checkMetadata, parseFilter } from './metadata-filter.ts';
import { checkIndexName, checkQuery } from './vector-index.ts';

export interface RemoteStoreOptions {
  /** `http://127.0.0.1:8787`. */
  readonly url: string;
  readonly apiKey?: string;
  readonly fetch?: typeof globalThis.fetch;
  readonly wait?: Wait;
}

const TIMEOUT_MS = 120_000;
/** A limit of so many requests a minute is over after one wait, unless others ask as well. */
const RETRIES = 5;

/** Bytes of images or vectors in one request: 9.3 MiB as base64, where servers take 10 by default. */
const REQUEST_BYTES = 7 * 1024 * 1024;

const failure = z.object({ error: z.object({ message: z.string(), code: z.string() }) });
const metadata = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const info = z.object({ name: z.string(), space: vectorSpaceSchema, items: z.number() });
const indexList = z.object({ data: z.array(info.extend({ aliases: z.array(z.string()) })) });
const aliasList = z.object({ data: z.array(z.object({ alias: z.string(), index: z.string() })) });
const itemList = z.object({ data: z.array(z.object({ id: z.string(), metadata, vector: z.string() })) });
const hitList = z.object({
  data: z.array(z.object({ id: z.string(), score: z.number(), metadata, folded: z.array(z.string()) })),
});
const itemFailures = z.object({
  errors: z.array(z.object({ index: z.number(), error: z.object({ message: z.string() }) })).optional(),
});
const done = z.object({ object: z.string() });

/** Errors of the server that the caller of the store can act on; all others are the server's. */
const CALLERS_CODES: readonly InputErrorCode[] = [
  'bad_request',
  'body_too_large',
  'image_too_large',
  'alias_conflict',
  'index_mismatch',
  'invalid_image',
  'invalid_option',
  'not_found',
  'unauthorized',
  'unsupported_image',
];

export interface ImageItem {
  readonly id: string;
  readonly image: Uint8Array;
  readonly metadata: Metadata;
}

/** What the store's port cannot: the server's model makes the vectors. */
export interface RemoteIndex extends VectorIndex {
  /** Encoded images; why each of those failed that did, by id. */
  upsertImages(items: readonly ImageItem[]): Promise<ReadonlyMap<string, string>>;
  queryImage(image: Uint8Array, query: Omit<Query, 'by'>): Promise<Hit[]>;
}

export interface ServedDescriptor extends Partial<Pick<VectorSpace, 'layer' | 'pool'>> {
  /** Fewer, where a projection was fitted to the served model. */
  readonly dimensions?: number | undefined;
}

export interface RemoteStore extends VectorStore {
  /** For what the served model gives at this layer, so pooled; by default what it was found best at. */
  createServed(name: string, descriptor?: ServedDescriptor): Promise<RemoteIndex>;
  open(name: string): Promise<RemoteIndex>;
}

interface Reply {
  readonly ok: boolean;
  readonly json: unknown;
  /** What to throw where it is not ok. */
  readonly error: Error;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type Send = (method: Method, path: string, body?: object) => Promise<Reply>;
type Call = <Answer>(
  method: Method,
  path: string,
  answer: z.ZodType<Answer>,
  body?: object,
) => Promise<Answer>;

export function createRemoteStore({
  url,
  apiKey,
  fetch = globalThis.fetch,
  wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
}: RemoteStoreOptions): RemoteStore {
  const send: Send = async (method, path, body) => {
    const target = new URL(`v1${path}`, url.endsWith('/') ? url : `${url}/`);
    let response: Response;
    let json: unknown;
    try {
      const init = {
        method,
        headers: {
          'content-type': 'application/json',
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      // Whatever is asked twice, by ids, is there once.
      response = await askPatiently(
        () => fetch(target, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }),
        { retries: RETRIES, wait },
      );
      json = await response.json();
    } catch (cause) {
      throw new SourceError('unreachable', `The server at ${target.origin} did not answer with JSON.`, {
        cause,
      });
    }
    const { data } = failure.safeParse(json);
    const message = data?.error.message ?? `The server at ${target.origin} answered ${response.status}.`;
    const code = CALLERS_CODES.find((known) => known === data?.error.code);
    const error =
      code === undefined ? new SourceError('unreachable', message) : new InputError(code, message);
    return { ok: response.ok, json, error };
  };
  const call: Call = async (method, path, answer, body) => {
    const { ok, json, error } = await send(method, path, body);
    if (!ok) throw error;
    return answer.parse(json);
  };

  const list = async () => (await call('GET', '/indexes', indexList)).data;

  return {
    list,
    // The API has no shorter list.
    names: async () => (await list()).map(({ name }) => name),
    async create(name, space) {
      checkIndexName(name);
      const index = await call('POST', '/indexes', info, { name, space });
      return remoteIndex(call, send, index);
    },
    async createServed(name, { layer, pool, dimensions } = {}) {
      checkIndexName(name);
      const index = await call('POST', '/indexes', info, { name, layer, pool, dimensions });
      return remoteIndex(call, send, index);
    },
    async open(name) {
      checkIndexName(name);
      // By its own name from here on, for an alias may move.
      const index = await call('GET', `/indexes/${name}`, info);
      return remoteIndex(call, send, index);
    },
    async delete(name) {
      checkIndexName(name);
      await call('DELETE', `/indexes/${name}`, done);
    },
    aliases: async () => (await call('GET', '/aliases', aliasList)).data,
    async setAlias(alias, index) {
      checkIndexName(alias);
      await call('PUT', `/aliases/${alias}`, done, { index });
    },
    async deleteAlias(alias) {
      checkIndexName(alias);
      await call('DELETE', `/aliases/${alias}`, done);
    },
    async close() {},
  };
}

function remoteIndex(
  call: Call,
  send: Send,
  { name, space }: Pick<IndexInfo, 'name' | 'space'>,
): RemoteIndex {
  const upsertImages = async (items: readonly ImageItem[]): Promise<ReadonlyMap<string, string>> => {
    const sent = items.map(({ id, image, metadata }) => ({ id, metadata, image: toBase64(image) }));
    const { ok, json, error } = await send('POST', `/indexes/${name}/items`, { items: sent });
    const { data } = itemFailures.safeParse(json);
    // Where all failed the status says so too; the answer still tells which and why.
    const failures = data?.errors ?? (ok ? [] : undefined);
    if (failures !== undefined) {
      return new Map(failures.map(({ index, error: { message } }) => [items[index]?.id ?? '', message]));
    }
    const [only, ...others] = items;
    if (error instanceof InputError && only !== undefined && others.length === 0) {
      return new Map([[only.id, error.message]]);
    }
    throw error;
  };
  return {
    name,
    space,
    async upsertImages(items) {
      const failures = new Map<string, string>();
      for (const part of parts(items, ({ image }) => image.length)) {
        for (const [id, reason] of await upsertImages(part)) failures.set(id, reason);
      }
      return failures;
    },
    async queryImage(image, query) {
      checkQuery({ ...query, by: { id: '' } });
      const body = { input: toBase64(image), ...queryOptions(query) };
      return (await call('POST', `/indexes/${name}/search`, hitList, body)).data;
    },
    describe: (): Promise<IndexInfo> => call('GET', `/indexes/${name}`, info),
    async upsert(itemSpace, items) {
      if (items.length === 0) return;
      const sent = items.map(({ id, vector, metadata }) => ({
        id,
        // JSON would make null of what is no finite number.
        metadata: checkMetadata(id, metadata),
        vector: float32ToBase64(vector),
      }));
      for (const part of parts(sent, ({ vector }) => (vector.length * 3) / 4)) {
        await call('POST', `/indexes/${name}/items`, done, { space: itemSpace, items: part });
      }
    },
    async get(ids) {
      const items: Item[] = [];
      for (const part of parts(ids)) {
        const { data } = await call('POST', `/indexes/${name}/items/get`, itemList, { ids: part });
        for (const { id, metadata, vector } of data)
          items.push({ id, metadata, vector: base64ToFloat32(vector, 'vector') });
      }
      return items;
    },
    async delete(ids) {
      for (const part of parts(ids)) {
        await call('POST', `/indexes/${name}/items/delete`, done, { ids: part });
      }
    },
    async query(query) {
      checkQuery(query);
      parseFilter(query.filter);
      const { by } = query;
      const asked = 'id' in by ? { id: by.id } : { vector: float32ToBase64(by.vector), space: by.space };
      return (await call('POST', `/indexes/${name}/search`, hitList, { ...asked, ...queryOptions(query) }))
        .data;
    },
  };
}

/** In order, as many at once as one request may hold; what is too large for one goes alone. */
function* parts<Item>(items: readonly Item[], bytesOf: (item: Item) => number = () => 0): Generator<Item[]> {
  let part: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    const more = bytesOf(item);
    if (part.length === MAX_UPSERT_ITEMS || (part.length > 0 && bytes + more > REQUEST_BYTES)) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(item);
    bytes += more;
  }
  if (part.length > 0) yield part;
}

function queryOptions({ topK, minScore, filter, excludeSelf, fold }: Omit<Query, 'by'>): object {
  return {
    top_k: topK,
    ...(minScore === undefined ? {} : { min_score: minScore }),
    ...(filter === undefined ? {} : { filter }),
    ...(excludeSelf === undefined ? {} : { exclude_self: excludeSelf }),
    ...(fold === undefined ? {} : { fold }),
  };
}
