// Qdrant over HTTP, against a stand-in on a loopback port.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { VectorStore } from '../../core/vector-store.ts';
import { createQdrantStore } from '../../search/qdrant-store.ts';
import { type QdrantServer, startQdrant } from './qdrant-server.ts';
import { space, vectorStoreContract } from './vector-store-contract.ts';

let server: QdrantServer;
beforeAll(async () => {
  server = await startQdrant('secret');
});
afterAll(() => server.close());

vectorStoreContract('Qdrant', async () => ({
  store: createQdrantStore({ url: server.url, apiKey: 'secret' }),
  tolerance: 1e-5,
  reopen: async () => createQdrantStore({ url: server.url, apiKey: 'secret' }),
}));

test('collections of others are neither listed nor touched', async () => {
  const ours = createQdrantStore({ url: server.url, apiKey: 'secret', prefix: 'ours-' });
  const theirs = createQdrantStore({ url: server.url, apiKey: 'secret', prefix: 'theirs-' });
  await theirs.create('photos', space);
  expect(await ours.list()).toEqual([]);
  await expect(ours.delete('photos')).rejects.toMatchObject({ code: 'not_found' });
});

test('large vectors travel in pieces', async () => {
  const store = createQdrantStore({ url: server.url, apiKey: 'secret' });
  const large = { ...space, dimensions: 25_088 };
  const index = await store.create('large', large);
  const ids = Array.from({ length: 41 }, (_, place) => `large-${place}`);
  await index.upsert(
    large,
    ids.map((id, place) => ({
      id,
      vector: new Float32Array(25_088).fill(0.1).fill(1, place, place + 9),
      metadata: {},
    })),
  );
  expect(await index.get(ids)).toHaveLength(41);
});

test.each<[string, () => string, object]>([
  ['a wrong key', () => server.url, { name: 'InputError', code: 'unauthorized' }],
  ['no server', () => 'http://127.0.0.1:1', { name: 'SourceError', code: 'unreachable' }],
])('%s is a clear error', async (_, url, error) => {
  const store = createQdrantStore({ url: url(), apiKey: 'wrong' });
  await expect(store.list()).rejects.toMatchObject(error);
});

test.each([
  ['no JSON', '<html>', 200],
  ['another form', '{"result":{}}', 200],
  ['a failure', '{"status":{"error":"disk full"}}', 500],
])('an answer that is %s is a SourceError', async (_, body, status) => {
  const fetch = async (): Promise<Response> => new Response(body, { status });
  const store: VectorStore = createQdrantStore({ url: 'http://localhost', fetch });
  await expect(store.list()).rejects.toMatchObject({
    name: 'SourceError',
    message: expect.stringMatching(/Qdrant answered/),
  });
});
