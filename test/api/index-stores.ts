// The contract of the vector stores through the HTTP API, over each store that a Worker can be given by its
// variables; the services behind them are stand-ins. Run in every runtime, with its own decoders.

import { describe, expect, test } from 'vitest';
import type { ImageDecoder } from '../../core/ports.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { createRemoteStore } from '../../search/remote-store.ts';
import { type IndexStoreBindings, openIndexStore } from '../../worker/index-store.ts';
import { createQdrantStandIn } from '../search/qdrant-stand-in.ts';
import { vectorStoreContract } from '../search/vector-store-contract.ts';
import { vectorizeFetch } from '../search/vectorize-http.ts';
import { createVectorizeStandIn } from '../search/vectorize-stand-in.ts';
import { createFixture } from './fixture.ts';

interface Case {
  readonly name: string;
  readonly bindings: IndexStoreBindings;
  /** The service's answers. */
  fetch(): typeof globalThis.fetch;
}

const CASES: readonly Case[] = [
  {
    name: 'Qdrant',
    bindings: { INDEX_STORE: 'qdrant', QDRANT_URL: 'http://qdrant:6333', QDRANT_API_KEY: 'secret' },
    fetch: () => createQdrantStandIn('secret'),
  },
  {
    name: 'Vectorize',
    bindings: {
      INDEX_STORE: 'vectorize',
      CLOUDFLARE_ACCOUNT_ID: 'account',
      CLOUDFLARE_API_TOKEN: 'token',
      VECTORIZE_FILTERS: 'kind, value, a',
    },
    fetch: () => vectorizeFetch(createVectorizeStandIn(), 'token'),
  },
];

export function testIndexStores(decoder: ImageDecoder): void {
  for (const { name, bindings, fetch } of CASES) {
    vectorStoreContract(`${name}, over HTTP`, async () => {
      const { app } = await createFixture(decoder, {
        dependencies: { indexes: openIndexStore(bindings, createMemoryStore, fetch()) },
      });
      const open = () =>
        createRemoteStore({
          url: 'http://127.0.0.1',
          fetch: async (input, init) => app.request(String(input), init),
        });
      return { store: open(), tolerance: 1e-5, reopen: async () => open() };
    });
  }

  describe('variables', () => {
    test.each<[string, IndexStoreBindings, RegExp]>([
      ['another store', { INDEX_STORE: 'redis' }, /one of durable-objects, vectorize, qdrant .*'redis'/],
      ['no address of Qdrant', { INDEX_STORE: 'qdrant' }, /QDRANT_URL/],
      ['a strange one', { INDEX_STORE: 'qdrant', QDRANT_URL: 'qdrant:6333' }, /QDRANT_URL.*'qdrant:6333'/],
      ['no account', { INDEX_STORE: 'vectorize', CLOUDFLARE_API_TOKEN: 't' }, /CLOUDFLARE_ACCOUNT_ID/],
      ['no token', { INDEX_STORE: 'vectorize', CLOUDFLARE_ACCOUNT_ID: 'a' }, /CLOUDFLARE_API_TOKEN/],
    ])('%s: refused by name', (_, bindings, message) => {
      expect(() => openIndexStore(bindings, createMemoryStore)).toThrow(message);
    });

    test('none: the objects', () => {
      const objects = createMemoryStore();
      expect(openIndexStore({}, () => objects)).toBe(objects);
    });

    test('an index of Vectorize that is bound is asked through its binding', async () => {
      const account = createVectorizeStandIn();
      const bindings: IndexStoreBindings = CASES.find(({ name }) => name === 'Vectorize')?.bindings ?? {};
      const space = {
        model: 'tiny@0123456789ab',
        preprocess: 'torchvision-256-224@1',
        layer: 'features',
        pool: 'gem',
        projection: null,
        dimensions: 32,
      } as const;
      const plain = openIndexStore(bindings, createMemoryStore, vectorizeFetch(account, 'token'));
      await plain.create('photos-1', space);
      const paths: string[] = [];
      const counting: typeof globalThis.fetch = (input, init) => {
        paths.push(new URL(String(input)).pathname);
        return vectorizeFetch(account, 'token')(input, init);
      };
      const withBinding = { ...bindings, VECTORIZE_PHOTOS_1: account.data('photos-1') };
      const bound = openIndexStore(withBinding, createMemoryStore, counting);
      const index = await bound.open('photos-1');
      await index.query({ by: { vector: new Float32Array(32).fill(1), space }, topK: 1 });
      expect(paths.filter((path) => path.includes('photos-1'))).toEqual([]);
    });
  });
}
