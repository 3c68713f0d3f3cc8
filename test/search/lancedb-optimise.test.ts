// What compacting leaves of LanceDB's folder, and what those see who had the index open meanwhile.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Item, VectorIndex } from '../../core/vector-store.ts';
import { openLanceDbStore } from '../../search/node/lancedb-store.ts';
import { space } from './vector-store-contract.ts';
import { clusteredVectors } from './vectors.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-lancedb-'));
});
afterAll(() => rm(folder, { recursive: true }));

const draw = clusteredVectors({ clusters: 5, dimensions: space.dimensions, seed: 3 });
const item = (id: number): Item => ({ id: String(id), vector: draw(), metadata: { id } });
const files = async (place: string, kind: string) =>
  (await readdir(join(place, 'photos.lance', kind))).filter((name) => !name.startsWith('.'));

async function writtenInTen(place: string) {
  const store = await openLanceDbStore(place);
  const index = await store.create('photos', space);
  for (let id = 0; id < 10; id += 1) await index.upsert(space, [item(id)]);
  return { store, index };
}

test('many writes become one file, and what was before is deleted', async () => {
  const place = join(folder, 'small');
  const { store } = await writtenInTen(place);
  expect(await files(place, 'data')).toHaveLength(10);
  await store.optimise('photos');
  expect(await files(place, 'data')).toHaveLength(1);
  // Of eleven: this one, and the one before its indexes were brought up to date.
  expect((await files(place, '_versions')).length).toBeLessThanOrEqual(2);
  expect((await (await store.open('photos')).describe()).items).toBe(10);
  await store.close();
});

test.each<[string, (index: VectorIndex) => Promise<unknown>, unknown]>([
  ['a query', async (index) => (await index.query({ by: { id: '3' }, topK: 1 })).map(({ id }) => id), ['3']],
  ['a get', async (index) => (await index.get(['0', '9'])).map(({ id }) => id), ['0', '9']],
  ['a count', async (index) => (await index.describe()).items, 10],
  [
    'an upsert of a new field',
    async (index) => {
      await index.upsert(space, [{ id: 'new', vector: draw(), metadata: { colour: 'red' } }]);
      return (await index.get(['0', 'new'])).map(({ id }) => id);
    },
    ['0', 'new'],
  ],
  [
    'a deletion',
    async (index) => {
      await index.delete(['0']);
      return (await index.get(['0', '1'])).map(({ id }) => id);
    },
    ['1'],
  ],
])('%s by one who opened the index before goes on', async (name, act, expected) => {
  const place = join(folder, name.replaceAll(' ', '-'));
  const { store } = await writtenInTen(place);
  const other = await openLanceDbStore(place);
  const held = await other.open('photos');
  // What is read first is kept open.
  await held.get(['5']);
  await store.optimise('photos');
  expect(await act(held)).toEqual(expected);
  await Promise.all([store.close(), other.close()]);
});

test('compacts by itself after a hundred writes', async () => {
  const place = join(folder, 'many');
  const store = await openLanceDbStore(place);
  for (let id = 0; id < 105; id += 1) {
    // Opened for each, as a server does.
    const index = await store.open('photos').catch(() => store.create('photos', space));
    await index.upsert(space, [item(id)]);
  }
  expect(await files(place, 'data')).toHaveLength(6);
  expect((await (await store.open('photos')).describe()).items).toBe(105);
  await store.close();
});

test('the approximate index is built anew when its partitions are outgrown', async () => {
  const place = join(folder, 'growing');
  const store = await openLanceDbStore(place);
  const index = await store.create('photos', space);
  const table = async () => (await connect(place)).openTable('photos');
  const grow = async (from: number, to: number) => {
    for (let start = from; start < to; start += 1000) {
      await index.upsert(
        space,
        Array.from({ length: 1000 }, (_, place) => item(start + place)),
      );
    }
    await store.optimise('photos');
    const indexes = (await (await table()).listIndices()).map(({ name }) => name);
    return indexes.filter((name) => name.startsWith('vector'));
  };
  expect(await grow(0, 1000)).toEqual([]);
  expect(await grow(1000, 3000)).toEqual(['vector_1']);
  expect(await grow(3000, 5000)).toEqual(['vector_1']);
  expect(await grow(5000, 17_000)).toEqual(['vector_4']);
  expect((await index.query({ by: { id: '16999' }, topK: 1 })).map(({ id }) => id)).toEqual(['16999']);
  await store.close();
});
