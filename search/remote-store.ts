// The indexes of a running vgg-edge server (/v1/indexes) as a vector store.

import { z } from 'zod';
import { float32ToBase64, fromBase64 } from '../core/encodings.ts';
import { InputError, type InputErrorCode, SourceError } from '../core/errors.ts';
import {
  type IndexInfo,
  type VectorIndex,
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
}

const TIMEOUT_MS = 120_000;

const failure = z.object({ error: z.object({ message: z.string(), code: z.string() }) });
const metadata = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const info = z.object({ name: z.string(), space: vectorSpaceSchema, items: z.number() });
const indexList = z.object({ data: z.array(info) });
const itemList = z.object({ data: z.array(z.object({ id: z.string(), metadata, vector: z.string() })) });
const hitList = z.object({
  data: z.array(z.object({ id: z.string(), score: z.number(), metadata, folded: z.array(z.string()) })),
});
const done = z.object({ object: z.string() });

/** Errors of the server that the caller of the store can act on; all others are the server's. */
const CALLERS_CODES: readonly InputErrorCode[] = [
  'bad_request',
  'body_too_large',
  'index_mismatch',
  'invalid_option',
  'not_found',
  'unauthorized',
];

type Call = <Answer>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  answer: z.ZodType<Answer>,
  body?: object,
) => Promise<Answer>;

export function createRemoteStore({
  url,
  apiKey,
  fetch = globalThis.fetch,
}: RemoteStoreOptions): VectorStore {
  const call: Call = async (method, path, answer, body) => {
    const target = new URL(`v1/indexes${path}`, url.endsWith('/') ? url : `${url}/`);
    let response: Response;
    let json: unknown;
    try {
      response = await fetch(target, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      json = await response.json();
    } catch (cause) {
      throw new SourceError('unreachable', `The server at ${target.origin} did not answer with JSON.`, {
        cause,
      });
    }
    if (response.ok) return answer.parse(json);
    const { data } = failure.safeParse(json);
    const message = data?.error.message ?? `The server at ${target.origin} answered ${response.status}.`;
    const code = CALLERS_CODES.find((known) => known === data?.error.code);
    throw code === undefined ? new SourceError('unreachable', message) : new InputError(code, message);
  };

  return {
    list: async () => (await call('GET', '', indexList)).data,
    async create(name, space) {
      checkIndexName(name);
      await call('POST', '', info, { name, space });
      return remoteIndex(call, name);
    },
    async open(name) {
      checkIndexName(name);
      await call('GET', `/${name}`, info);
      return remoteIndex(call, name);
    },
    async delete(name) {
      checkIndexName(name);
      await call('DELETE', `/${name}`, done);
    },
    async close() {},
  };
}

function remoteIndex(call: Call, name: string): VectorIndex {
  return {
    describe: (): Promise<IndexInfo> => call('GET', `/${name}`, info),
    async upsert(space, items) {
      if (items.length === 0) return;
      const sent = items.map(({ id, vector, metadata }) => ({
        id,
        // JSON would make null of what is no finite number.
        metadata: checkMetadata(id, metadata),
        vector: float32ToBase64(vector),
      }));
      await call('POST', `/${name}/items`, done, { space, items: sent });
    },
    async get(ids) {
      if (ids.length === 0) return [];
      const { data } = await call('POST', `/${name}/items/get`, itemList, { ids });
      return data.map(({ id, metadata, vector }) => ({ id, metadata, vector: toFloats(vector) }));
    },
    async delete(ids) {
      if (ids.length > 0) await call('POST', `/${name}/items/delete`, done, { ids });
    },
    async query(query) {
      checkQuery(query);
      parseFilter(query.filter);
      const { by, topK, minScore, filter, excludeSelf, fold } = query;
      const asked = 'id' in by ? { id: by.id } : { vector: float32ToBase64(by.vector), space: by.space };
      const { data } = await call('POST', `/${name}/search`, hitList, {
        ...asked,
        top_k: topK,
        ...(minScore === undefined ? {} : { min_score: minScore }),
        ...(filter === undefined ? {} : { filter }),
        ...(excludeSelf === undefined ? {} : { exclude_self: excludeSelf }),
        ...(fold === undefined ? {} : { fold }),
      });
      return data;
    },
  };
}

function toFloats(text: string): Float32Array {
  const bytes = fromBase64(text, 'vector');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: bytes.length >> 2 }, (_, index) => view.getFloat32(index * 4, true));
}
