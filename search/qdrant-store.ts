// Vectors in Qdrant over its REST API: https://api.qdrant.tech, 1.16 or later (collection metadata). Needs
// nothing but fetch, so it serves the Worker and Node alike.

import * as z from 'zod';
import { SourceError } from '../core/errors.ts';
import {
  type Item,
  type Metadata,
  type VectorSpace,
  type VectorStore,
  vectorSpaceSchema,
} from '../core/vector-store.ts';
import { type AliasTable, type IndexStore, withAliases } from './index-alias.ts';
import { uuidKey } from './item-key.ts';
import { requestJson } from './json-request.ts';
import type { Condition } from './metadata-filter.ts';
import {
  checkIndexName,
  checkSpace,
  createVectorIndex,
  type IndexBackend,
  noSuchIndex,
} from './vector-index.ts';

export interface QdrantOptions {
  /** `http://localhost:6333`. */
  readonly url: string;
  readonly apiKey?: string;
  /** Before the index's name in the collection's, so that other collections are left alone. */
  readonly prefix?: string;
  readonly fetch?: typeof globalThis.fetch;
}

/** Qdrant takes bodies of up to 32 MiB; a value in JSON takes up to 22 bytes. */
const VALUES_PER_BODY = 1_000_000;
const MAX_NEAREST = 1000;

const metadataSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const payload = z.object({ id: z.string(), metadata: metadataSchema });
const done = z.object({ status: z.literal('ok') });
const collection = z.object({
  result: z.object({ config: z.object({ metadata: z.object({ 'vgg-edge': vectorSpaceSchema }) }) }),
});
const collections = z.object({ result: z.object({ collections: z.array(z.object({ name: z.string() })) }) });
const aliasList = z.object({
  result: z.object({ aliases: z.array(z.object({ alias_name: z.string(), collection_name: z.string() })) }),
});
const records = z.object({ result: z.array(z.object({ payload, vector: z.array(z.number()) })) });
const hits = z.object({ result: z.object({ points: z.array(z.object({ score: z.number(), payload })) }) });
const counted = z.object({ result: z.object({ count: z.number() }) });

type Call = <Answer>(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  answer: z.ZodType<Answer>,
  body?: unknown,
) => Promise<Answer | undefined>;

export function createQdrantStore(options: QdrantOptions): VectorStore {
  const { url, apiKey, prefix = 'vgg-edge-', fetch = globalThis.fetch } = options;
  const call: Call = (method, path, answer, body) =>
    requestJson({
      service: 'Qdrant',
      method,
      url: new URL(path, url.endsWith('/') ? url : `${url}/`),
      headers: apiKey === undefined ? {} : { 'api-key': apiKey },
      body,
      answer,
      fetch: (...request) => fetch(...request),
    });
  const pathOf = (name: string) => `collections/${prefix}${name}`;
  const find = async (name: string): Promise<VectorSpace | undefined> => {
    checkIndexName(name);
    return (await call('GET', pathOf(name), collection))?.result.config.metadata['vgg-edge'];
  };
  const open: VectorStore['open'] = async (name) => {
    const space = await find(name);
    if (space === undefined) throw noSuchIndex(name);
    return createVectorIndex(name, space, createBackend(call, pathOf(name), space.dimensions));
  };

  const store: IndexStore = {
    async names() {
      const all = (await call('GET', 'collections', collections))?.result.collections ?? [];
      return all.flatMap(({ name }) => own(prefix, name)).sort();
    },
    async create(name, space) {
      const found = await find(name);
      if (found === undefined) {
        await call('PUT', pathOf(name), done, {
          vectors: { size: space.dimensions, distance: 'Cosine' },
          metadata: { 'vgg-edge': space },
        });
      } else {
        checkSpace(name, found, space);
      }
      return open(name);
    },
    open,
    async delete(name) {
      if ((await find(name)) === undefined) throw noSuchIndex(name);
      await call('DELETE', pathOf(name), done);
    },
    async close() {},
  };
  return withAliases(store, qdrantAliases(call, prefix));
}

/** Qdrant's own, so that other clients of it can use them too. All actions of one request happen at once. */
function qdrantAliases(call: Call, prefix: string): AliasTable {
  const list: AliasTable['list'] = async () => {
    const all = (await call('GET', 'aliases', aliasList))?.result.aliases ?? [];
    return all.flatMap(({ alias_name, collection_name }) =>
      own(prefix, alias_name).flatMap((alias) =>
        own(prefix, collection_name).map((index) => ({ alias, index })),
      ),
    );
  };
  const find: AliasTable['find'] = async (name) => (await list()).find(({ alias }) => alias === name)?.index;
  const change = (actions: readonly object[]) => call('POST', 'collections/aliases', done, { actions });
  return {
    find,
    list,
    async set(alias, index) {
      const remove = { delete_alias: { alias_name: prefix + alias } };
      const add = { create_alias: { alias_name: prefix + alias, collection_name: prefix + index } };
      await change((await find(alias)) === undefined ? [add] : [remove, add]);
    },
    async delete(alias) {
      await change([{ delete_alias: { alias_name: prefix + alias } }]);
    },
  };
}

/** The index's name, or nothing where it is not ours. */
function own(prefix: string, name: string): string[] {
  return name.startsWith(prefix) ? [name.slice(prefix.length)] : [];
}

function createBackend(call: Call, path: string, dimensions: number): IndexBackend {
  const perBody = Math.max(1, Math.floor(VALUES_PER_BODY / dimensions));
  const existing = async <Answer>(...request: Parameters<typeof call<Answer>>): Promise<Answer> => {
    const answer = await call(...request);
    if (answer === undefined) throw new SourceError('unreachable', `Qdrant no longer has ${path}.`);
    return answer;
  };
  return {
    maxNearest: MAX_NEAREST,
    async count() {
      return (await existing('POST', `${path}/points/count`, counted, { exact: true })).result.count;
    },
    async put(items) {
      for (let start = 0; start < items.length; start += perBody) {
        const points = await Promise.all(items.slice(start, start + perBody).map(toPoint));
        await existing('PUT', `${path}/points?wait=true`, done, { points });
      }
    },
    async get(ids) {
      const found: Item[] = [];
      for (let start = 0; start < ids.length; start += perBody) {
        const keys = await Promise.all(ids.slice(start, start + perBody).map(uuidKey));
        const { result } = await existing('POST', `${path}/points`, records, {
          ids: keys,
          with_payload: true,
          with_vector: true,
        });
        for (const { payload, vector } of result) {
          found.push({ id: payload.id, vector: Float32Array.from(vector), metadata: payload.metadata });
        }
      }
      return found;
    },
    async delete(ids) {
      const points = await Promise.all(ids.map(uuidKey));
      await existing('POST', `${path}/points/delete?wait=true`, done, { points });
    },
    async nearest(vector, count, conditions) {
      const { result } = await existing('POST', `${path}/points/query`, hits, {
        query: Array.from(vector),
        limit: count,
        with_payload: true,
        ...(conditions.length === 0 ? {} : { filter: { must: conditions.map(toQdrantFilter) } }),
      });
      return result.points.map(({ score, payload: { id, metadata } }) => ({ id, score, metadata }));
    },
  };
}

/** Qdrant's ids are numbers or UUIDs. */
async function toPoint({ id, vector, metadata }: Item): Promise<object> {
  const payload: { id: string; metadata: Metadata } = { id, metadata };
  return { id: await uuidKey(id), vector: Array.from(vector), payload };
}

/** `match` knows text, whole numbers and booleans; a number is asked for as a range of one. */
function toQdrantFilter(condition: Condition): object {
  const key = `metadata.${condition.field}`;
  if (condition.kind === 'range') {
    return {
      key,
      range: Object.fromEntries(condition.bounds.map(({ operator, value }) => [operator, value])),
    };
  }
  return {
    should: condition.values.map((value) =>
      typeof value === 'number' ? { key, range: { gte: value, lte: value } } : { key, match: { value } },
    ),
  };
}
