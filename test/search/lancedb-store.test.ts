import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dot } from '../../core/cosine.ts';
import { openLanceDbStore } from '../../search/node/lancedb-store.ts';
import { space, vectorStoreContract } from './vector-store-contract.ts';
import { clusteredVectors } from './vectors.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-lancedb-'));
});
afterAll(() => rm(folder, { recursive: true }));

vectorStoreContract('LanceDB', async () => ({
  store: await openLanceDbStore(folder),
  tolerance: 1e-5,
  reopen: () => openLanceDbStore(folder),
}));

test('an alias is as good as a name where the approximate index is built', async () => {
  const store = await openLanceDbStore(join(folder, 'alias'));
  await store.create('old', space);
  await store.setAlias('photos', 'old');
  await expect(store.optimise('photos')).resolves.toBeUndefined();
  await store.close();
});

test.each([
  ['by bits', 32],
  ['by a graph, where the bits fill no bytes', 36],
])('the approximate index %s finds nearly all, and what came after it was built', async (_, dimensions) => {
  const store = await openLanceDbStore(join(folder, `approximate-${dimensions}`));
  const sized = { ...space, dimensions };
  const index = await store.create('approximate', sized);
  const draw = clusteredVectors({ clusters: 20, dimensions, seed: 9 });
  const items = Array.from({ length: 1500 }, (_, place) => ({
    id: String(place),
    vector: draw(),
    metadata: {},
  }));
  await index.upsert(sized, items.slice(0, 1000));
  await store.optimise('approximate', 500);
  await index.upsert(sized, items.slice(1000));
  let found = 0;
  for (const query of Array.from({ length: 20 }, draw)) {
    const truth = items
      .map(({ id, vector }) => ({ id, score: dot(query, vector) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, 10)
      .map(({ id }) => id);
    const hits = await index.query({ by: { vector: query, space: sized }, topK: 10 });
    found += hits.filter(({ id }) => truth.includes(id)).length;
  }
  expect(found / 200).toBeGreaterThan(0.95);
  await store.close();
});
