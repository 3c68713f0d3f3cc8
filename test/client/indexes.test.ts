// The typed client's index calls over the app itself: create, fill, search, empty, delete.

import { beforeEach, describe, expect, test } from 'vitest';
import { type Client, createClient, type SearchBy } from '../../client/client.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { BLUE, halves, imageOf, RED } from '../api/png.ts';
import { SPACE } from '../api/requests.ts';
import { createFixture } from '../server/api-fixture.ts';

const red = imageOf(RED);
const blue = imageOf(BLUE);
const both = halves(RED, BLUE);
const toRed = Float32Array.of(1, 0, 0, 0);

let indexes: Client['indexes'];
beforeEach(async () => {
  const { app } = await createFixture({ dependencies: { indexes: createMemoryStore() } });
  ({ indexes } = createClient({
    baseUrl: 'http://127.0.0.1',
    fetch: async (input, init) => app.request(String(input), init),
  }));
});

test('an index is created, described, listed and deleted', async () => {
  const created = await indexes.create('photos');
  expect(created).toEqual({ object: 'index', name: 'photos', space: SPACE, items: 0 });
  expect(await indexes.describe('photos')).toEqual(created);
  expect(await indexes.create('photos')).toEqual(created);
  expect(await indexes.create('map', { layer: 'features', pool: 'none' })).toMatchObject({
    space: { pool: 'none', dimensions: 4 * 7 * 7 },
  });
  expect((await indexes.list()).data.map(({ name }) => name)).toEqual(['map', 'photos']);
  expect(await indexes.delete('photos')).toEqual({ object: 'index.deleted', name: 'photos', deleted: true });
  expect((await indexes.list()).data).toHaveLength(1);
});

test('an alias names an index, moves and goes', async () => {
  for (const name of ['old', 'new']) await indexes.create(name);
  expect(await indexes.setAlias('photos', 'old')).toEqual({ object: 'alias', alias: 'photos', index: 'old' });
  await indexes.setAlias('photos', 'new');
  expect(await indexes.describe('photos')).toMatchObject({ name: 'new' });
  expect((await indexes.listAliases()).data).toEqual([{ object: 'alias', alias: 'photos', index: 'new' }]);
  expect((await indexes.list()).data).toMatchObject([
    { name: 'new', aliases: ['photos'] },
    { name: 'old', aliases: [] },
  ]);
  expect(await indexes.deleteAlias('photos')).toEqual({
    object: 'alias.deleted',
    alias: 'photos',
    deleted: true,
  });
});

describe('items', () => {
  beforeEach(() => indexes.create('photos', { space: SPACE }));

  test('images go in as bytes or blobs; one that cannot be read stands in errors', async () => {
    const answer = await indexes.upsert('photos', [
      { id: 'red', image: red, metadata: { warm: true } },
      { id: 'broken', image: new Uint8Array([1, 2, 3]) },
      { id: 'blue', image: new Blob([new Uint8Array(blue)]) },
    ]);
    expect(answer).toMatchObject({ upserted: 2, errors: [{ index: 1 }] });
    expect(await indexes.describe('photos')).toMatchObject({ items: 2 });
  });

  test('vectors go in as floats, numbers or base64, and come back of length 1', async () => {
    await indexes.upsertVectors('photos', SPACE, [
      { id: 'floats', vector: Float32Array.of(3, 0, 0, 4), metadata: { year: 2026 } },
      { id: 'numbers', vector: [3, 0, 0, 4] },
      { id: 'base64', vector: Buffer.from(Float32Array.of(3, 0, 0, 4).buffer).toString('base64') },
    ]);
    const vector = Float32Array.of(0.6, 0, 0, 0.8);
    expect(await indexes.get('photos', ['base64', 'nobody', 'floats', 'numbers'])).toEqual([
      { id: 'base64', vector, metadata: {} },
      { id: 'floats', vector, metadata: { year: 2026 } },
      { id: 'numbers', vector, metadata: {} },
    ]);
  });

  test('are deleted by id', async () => {
    await indexes.upsertVectors('photos', SPACE, [{ id: 'a', vector: toRed }]);
    expect(await indexes.deleteItems('photos', ['a', 'nobody'])).toMatchObject({ ids: ['a', 'nobody'] });
    expect(await indexes.get('photos', ['a'])).toEqual([]);
  });
});

describe('searching', () => {
  beforeEach(async () => {
    await indexes.create('photos');
    await indexes.upsert('photos', [
      { id: 'red', image: red, metadata: { warm: true } },
      { id: 'blue', image: blue },
      { id: 'both', image: both },
    ]);
  });

  test.each<[string, () => Promise<SearchBy>]>([
    ['an image', async () => ({ image: red })],
    ['an id', async () => ({ id: 'red' })],
    [
      'a vector',
      async () => {
        const [item] = await indexes.get('photos', ['red']);
        return { vector: item?.vector ?? [], space: SPACE };
      },
    ],
  ])('by %s', async (_, by) => {
    const { data } = await indexes.search('photos', await by());
    expect(data.map(({ id }) => id)).toEqual(['red', 'both', 'blue']);
    expect(data[0]).toMatchObject({ metadata: { warm: true }, folded: [] });
    expect(data[0]?.score).toBeCloseTo(1, 5);
  });

  test('with options', async () => {
    const ids = async (...search: Parameters<typeof indexes.search>) =>
      (await indexes.search(...search)).data.map(({ id }) => id);
    expect(await ids('photos', { id: 'red' }, { exclude_self: true, top_k: 1 })).toEqual(['both']);
    expect(await ids('photos', { id: 'blue' }, { filter: { warm: { in: [true] } } })).toEqual(['red']);
  });
});

test.each<[string, () => Promise<unknown>, number, string]>([
  ['an index that is not there', () => indexes.describe('no/where'), 404, 'not_found'],
  [
    'vectors of another model',
    async () => {
      await indexes.create('photos');
      const space = { ...SPACE, model: 'other@0123456789ab' };
      return indexes.upsertVectors('photos', space, [{ id: 'a', vector: toRed }]);
    },
    409,
    'index_mismatch',
  ],
])('%s is a failure with its status and code', async (_, ask, status, code) => {
  await expect(ask()).rejects.toMatchObject({ status, code });
});
