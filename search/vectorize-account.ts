// Vectorize over Cloudflare's API (developers.cloudflare.com/api/resources/vectorize), for Node and for
// creating indexes; an index that is bound to the Worker is asked through its binding, which is faster and
// has no request quota.

import * as z from 'zod';
import { requestJson } from './json-request.ts';
import { noSuchIndex } from './vector-index.ts';
import type { VectorizeAccount, VectorizeData } from './vectorize-api.ts';

export interface VectorizeAccountOptions {
  readonly accountId: string;
  /** Needs the permission «Vectorize Write». */
  readonly apiToken: string;
  /** Index name → binding. */
  readonly bindings?: Readonly<Record<string, VectorizeData>>;
  readonly fetch?: typeof globalThis.fetch;
}

const API = 'https://api.cloudflare.com/client/v4/accounts/';

const answerOf = <Result>(result: z.ZodType<Result>) => z.object({ success: z.literal(true), result });
const metadata = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const anything = answerOf(z.unknown());
const indexes = answerOf(z.array(z.object({ name: z.string(), description: z.string().optional() })));
const info = answerOf(z.object({ vectorCount: z.number() }));
const vectors = answerOf(z.array(z.object({ id: z.string(), values: z.array(z.number()), metadata })));
const matches = answerOf(
  z.object({
    matches: z.array(z.object({ id: z.string(), score: z.number(), metadata: metadata.optional() })),
  }),
);

export function createVectorizeAccount(options: VectorizeAccountOptions): VectorizeAccount {
  const { accountId, apiToken, bindings = {}, fetch = globalThis.fetch } = options;
  const base = `${API}${encodeURIComponent(accountId)}/vectorize/v2/indexes`;

  async function call<Result>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    answer: z.ZodType<{ success: true; result: Result }>,
    body?: unknown,
    contentType?: string,
  ): Promise<Result> {
    const reply = await requestJson({
      service: 'Vectorize',
      method,
      url: new URL(`${base}${path}`),
      headers: {
        authorization: `Bearer ${apiToken}`,
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
      },
      body,
      answer,
      fetch: (...request) => fetch(...request),
    });
    if (reply === undefined) throw noSuchIndex(path.split('/')[1] ?? '');
    return reply.result;
  }

  const overHttp = (name: string): VectorizeData => ({
    describe: () => call('GET', `/${name}/info`, info),
    async upsert(items) {
      // Newline-delimited JSON, one vector a line.
      const lines = items.map(({ values, ...item }) =>
        JSON.stringify({ ...item, values: Array.from(values) }),
      );
      await call('POST', `/${name}/upsert`, anything, lines.join('\n'), 'application/x-ndjson');
    },
    getByIds: (ids) => call('POST', `/${name}/get_by_ids`, vectors, { ids }),
    async deleteByIds(ids) {
      await call('POST', `/${name}/delete_by_ids`, anything, { ids });
    },
    async query(vector, query) {
      const found = await call('POST', `/${name}/query`, matches, { vector, ...query });
      return {
        matches: found.matches.map(({ metadata, ...match }) =>
          metadata === undefined ? match : { ...match, metadata },
        ),
      };
    },
  });

  return {
    async list() {
      const all = await call('GET', '', indexes);
      return all.map(({ name, description = '' }) => ({ name, description }));
    },
    async create(name, dimensions, description, metadataIndexes) {
      await call('POST', '', anything, { name, description, config: { dimensions, metric: 'cosine' } });
      for (const index of metadataIndexes)
        await call('POST', `/${name}/metadata_index/create`, anything, index);
    },
    async delete(name) {
      await call('DELETE', `/${name}`, anything);
    },
    data: (name) => bindings[name] ?? overHttp(name),
  };
}
