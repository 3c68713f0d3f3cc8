// The store on Durable Objects, in workerd: the contract, and what only this store has.

import { env, evictDurableObject } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { createDurableObjectStore, shardOfId } from '../../search/edge/durable-object-store.ts';
import { space, vectorStoreContract } from '../search/vector-store-contract.ts';
import { clusteredVectors } from '../search/vectors.ts';

const namespaces = { catalog: env.INDEX_CATALOG, shards: env.VECTOR_SHARDS };

vectorStoreContract('Durable Objects', async () => ({
  store: createDurableObjectStore({ ...namespaces, shardsPerIndex: 3 }),
  // Half a step of 8 bits at most.
  tolerance: 0.005,
  async reopen() {
    await evictDurableObject(env.INDEX_CATALOG.get(env.INDEX_CATALOG.idFromName('catalog')));
    return createDurableObjectStore(namespaces);
  },
}));

const draw = clusteredVectors({ clusters: 4, dimensions: space.dimensions, seed: 3 });
const itemsOf = (count: number) =>
  Array.from({ length: count }, (_, place) => ({ id: `item-${place}`, vector: draw(), metadata: { place } }));
const store = createDurableObjectStore(namespaces);

async function evictAll(name: string): Promise<void> {
  const catalog = env.INDEX_CATALOG.get(env.INDEX_CATALOG.idFromName('catalog'));
  const entry = await catalog.find(name);
  for (let shard = 0; shard < (entry?.shards ?? 0); shard += 1) {
    await evictDurableObject(
      env.VECTOR_SHARDS.get(env.VECTOR_SHARDS.idFromName(`${name}/${entry?.token}/${shard}`)),
    );
  }
  await evictDurableObject(catalog);
}

describe('objects that were evicted', () => {
  test('find the same when they come back', async () => {
    const index = await store.create('evicted', space);
    await index.upsert(space, itemsOf(200));
    await index.delete(Array.from({ length: 40 }, (_, place) => `item-${place * 3}`));
    await index.upsert(space, itemsOf(10));
    const ask = () => index.query({ by: { id: 'item-1' }, topK: 20, filter: { place: { gte: 1, lt: 150 } } });
    const [before, described] = [await ask(), await index.describe()];
    await evictAll('evicted');
    expect(await ask()).toEqual(before);
    expect(await (await store.open('evicted')).describe()).toEqual(described);
    expect(described.items).toBe(164);
  });

  test('are written to and deleted from before anything is asked of them', async () => {
    const index = await store.create('woken', space);
    await index.upsert(space, itemsOf(20));
    await evictAll('woken');
    await index.upsert(space, itemsOf(30));
    await evictAll('woken');
    await index.delete(['item-4', 'item-29']);
    const hits = await index.query({ by: { id: 'item-5' }, topK: 100 });
    expect(new Set(hits.map(({ id }) => id)).size).toBe(28);
    expect(hits[0]).toMatchObject({ id: 'item-5', score: expect.closeTo(1, 3) });
  });
});

test('a deletion that was interrupted is finished by the next', async () => {
  const catalog = env.INDEX_CATALOG.get(env.INDEX_CATALOG.idFromName('catalog'));
  const index = await store.create('interrupted', space);
  await index.upsert(space, itemsOf(20));
  const [retired] = (await catalog.retire('interrupted')) ?? [];
  expect((await store.list()).map(({ name }) => name)).not.toContain('interrupted');
  await store.create('another', space);
  await store.delete('another');
  const shard = env.VECTOR_SHARDS.idFromName(`interrupted/${retired?.token}/0`);
  expect(await env.VECTOR_SHARDS.get(shard).count()).toBe(0);
});

test('an index keeps the number of objects it was created with', async () => {
  const few = createDurableObjectStore({ ...namespaces, shardsPerIndex: 1 });
  await (await few.create('kept', space)).upsert(space, itemsOf(20));
  const many = createDurableObjectStore({ ...namespaces, shardsPerIndex: 8 });
  expect(await (await many.open('kept')).get(['item-7'])).toHaveLength(1);
});

test('large vectors travel in pieces', async () => {
  const large = { ...space, dimensions: 25_088 };
  const index = await store.create('large', large);
  const vectors = clusteredVectors({ clusters: 2, dimensions: 25_088, seed: 5 });
  const ids = Array.from({ length: 24 }, (_, place) => `large-${place}`);
  await index.upsert(
    large,
    ids.map((id) => ({ id, vector: vectors(), metadata: {} })),
  );
  expect((await index.get(ids)).map(({ id }) => id)).toEqual(ids);
  expect(await index.query({ by: { id: 'large-3' }, topK: 1 })).toMatchObject([{ id: 'large-3' }]);
});

test('ids spread evenly over the objects', () => {
  const counts = Array.from({ length: 8 }, () => 0);
  for (let place = 0; place < 8000; place += 1) {
    const shard = shardOfId(`photos/2024/img_${place}.jpg`, 8);
    counts[shard] = (counts[shard] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(900);
  expect(Math.max(...counts)).toBeLessThan(1100);
});

test.each([
  ['a', 0],
  ['photos/cat.jpg', 1],
  ['猫', 3],
])('where an item lies is part of the stored format: %s in object %i of 4', (id, shard) => {
  expect(shardOfId(id, 4)).toBe(shard);
});
