// Vectorize against a stand-in that enforces its documented limits, and its HTTP calls against what the
// API's reference says.

import { describe, expect, test } from 'vitest';
import { createVectorizeAccount } from '../../search/vectorize-account.ts';
import { createVectorizeStore } from '../../search/vectorize-store.ts';
import { space, vectorStoreContract } from './vector-store-contract.ts';
import { createVectorizeStandIn } from './vectorize-stand-in.ts';

vectorStoreContract('Vectorize', async () => {
  const account = createVectorizeStandIn();
  return {
    store: createVectorizeStore(account, ['kind', 'value', 'a']),
    tolerance: 1e-5,
    settle: () => account.settle(),
    reopen: async () => createVectorizeStore(account, ['kind', 'value', 'a']),
  };
});

function freshStore(...filterable: string[]) {
  const account = createVectorizeStandIn();
  return { account, store: createVectorizeStore(account, filterable) };
}

const axis = (length = space.dimensions) => new Float32Array(length).fill(1, 0, 1);

describe('limits', () => {
  test('more than 20 hits come with their metadata, fetched in pieces', async () => {
    const { account, store } = freshStore();
    const index = await store.create('many', space);
    const items = Array.from({ length: 120 }, (_, place) => ({
      id: `item-${place}`,
      vector: axis().fill(place / 100, 1, 2),
      metadata: { place },
    }));
    await index.upsert(space, items);
    await account.settle();
    const hits = await index.query({ by: { vector: axis(), space }, topK: 100 });
    expect(hits.map(({ metadata }) => metadata.place)).toEqual(
      Array.from({ length: 100 }, (_, place) => place),
    );
    await expect(index.query({ by: { vector: axis(), space }, topK: 101 })).rejects.toThrow(
      /1 to 100 for top_k/,
    );
  });

  test('long texts are filtered by as a whole', async () => {
    const { account, store } = freshStore('text');
    const index = await store.create('texts', space);
    const text = (end: string) => `${'x'.repeat(100)}${end}`;
    await index.upsert(
      space,
      ['a', 'b'].map((id) => ({ id, vector: axis(), metadata: { text: text(id) } })),
    );
    await account.settle();
    const hits = await index.query({ by: { vector: axis(), space }, topK: 5, filter: { text: text('b') } });
    expect(hits.map(({ id }) => id)).toEqual(['b']);
  });

  test.each([16, 1537])('%i dimensions are refused', async (dimensions) => {
    await expect(freshStore().store.create('odd', { ...space, dimensions })).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('32 to 1536'),
    });
  });

  test('a field that was not named is refused, and so is a filter that is too long', async () => {
    const { store } = freshStore('kind');
    const index = await store.create('fields', space);
    const ask = (filter: object) =>
      index.query({ by: { vector: axis(), space }, topK: 1, filter: { ...filter } });
    await expect(ask({ other: 1 })).rejects.toThrow(/one of kind .*'other'/);
    const values = Array.from({ length: 100 }, (_, place) => `a value of some length ${place}`);
    await expect(ask({ kind: { in: values } })).rejects.toThrow(/2048 bytes/);
  });

  test('more than five filterable fields are refused', () => {
    expect(() => freshStore('a', 'b', 'c', 'd', 'e', 'f')).toThrow(/at most 5/);
  });

  test('indexes of others are left alone', async () => {
    const { account, store } = freshStore();
    await account.create('theirs', 64, 'about something else', []);
    expect(await store.list()).toEqual([]);
    await expect(store.delete('theirs')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('over HTTP', () => {
  const base = 'https://api.cloudflare.com/client/v4/accounts/account/vectorize/v2/indexes';

  test('calls are those of the reference', async () => {
    const calls: string[] = [];
    const results: Record<string, unknown> = {
      [`GET ${base}`]: [],
      [`GET ${base}/photos/info`]: { vectorCount: 0, dimensions: 32 },
      [`POST ${base}/photos/get_by_ids`]: [],
      [`POST ${base}/photos/query`]: { count: 0, matches: [] },
    };
    const account = createVectorizeAccount({
      accountId: 'account',
      apiToken: 'token',
      fetch: async (input, init) => {
        const call = `${init?.method} ${String(input)}`;
        calls.push(call);
        const headers = new Headers(init?.headers);
        expect(headers.get('authorization')).toBe('Bearer token');
        if (call.endsWith('/upsert')) {
          expect(headers.get('content-type')).toBe('application/x-ndjson');
          expect(String(init?.body).split('\n')).toHaveLength(2);
        }
        return Response.json({ success: true, errors: [], messages: [], result: results[call] ?? {} });
      },
    });
    const store = createVectorizeStore(account, ['kind']);
    const index = await store.create('photos', space);
    await index.upsert(space, [
      { id: 'a', vector: axis(), metadata: {} },
      { id: 'b', vector: axis(), metadata: {} },
    ]);
    await index.get(['a']);
    await index.delete(['a']);
    await index.query({ by: { vector: axis(), space }, topK: 3 });
    await index.describe();
    expect(calls).toEqual([
      // Whether there are aliases, and the indexes.
      `GET ${base}`,
      `GET ${base}`,
      `POST ${base}`,
      `POST ${base}/photos/metadata_index/create`,
      `POST ${base}/photos/metadata_index/create`,
      `POST ${base}/photos/upsert`,
      `POST ${base}/photos/get_by_ids`,
      `POST ${base}/photos/delete_by_ids`,
      `POST ${base}/photos/query`,
      `GET ${base}/photos/info`,
    ]);
  });

  test('a bound index is asked through its binding', async () => {
    const standIn = createVectorizeStandIn();
    await standIn.create('photos', 32, '', []);
    const binding = standIn.data('photos');
    const account = createVectorizeAccount({
      accountId: 'account',
      apiToken: 'token',
      bindings: { photos: binding },
    });
    expect(account.data('photos')).toBe(binding);
  });
});
