import { expect, test } from 'vitest';
import type { VectorIndex } from '../../core/vector-store.ts';
import { compareIndexes } from '../../search/compare-indexes.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { space } from './vector-store-contract.ts';
import { clusteredVectors } from './vectors.ts';

const draw = clusteredVectors({ clusters: 5, dimensions: space.dimensions, seed: 3 });
const VECTORS = Array.from({ length: 60 }, () => draw());
const IDS = VECTORS.map((_, place) => `item-${String(place).padStart(2, '0')}`);

async function indexOf(
  vectors: readonly (readonly [id: string, vector: Float32Array])[],
): Promise<VectorIndex> {
  const index = await createMemoryStore().create('photos', space);
  await index.upsert(
    space,
    vectors.map(([id, vector]) => ({ id, vector, metadata: {} })),
  );
  return index;
}

const pairs = (change: (vector: Float32Array, place: number) => Float32Array = (vector) => vector) =>
  VECTORS.map((vector, place) => [IDS[place] ?? '', change(vector, place)] as const);

test('an index and itself have everything in common', async () => {
  const index = await indexOf(pairs());
  const result = await compareIndexes(index, index, IDS, { topK: 10 });
  expect(result.queries.map(({ id }) => id)).toEqual(IDS);
  expect(result).toMatchObject({ overlap: { mean: 1, p10: 1, min: 1 }, sameFirst: 1, shift: 0 });
  expect(result.scores.after).toEqual(result.scores.before);
  for (const { before, after } of result.thresholds) expect(after).toBeGreaterThanOrEqual(before);
  // Left out of its own answer.
  for (const { id, before } of result.queries) expect(before.map((hit) => hit.id)).not.toContain(id);
});

test('where all vectors have been moved about, little is in common', async () => {
  const before = await indexOf(pairs());
  const after = await indexOf(pairs((_, place) => VECTORS[(place * 7 + 3) % 60] ?? new Float32Array()));
  const { overlap, sameFirst } = await compareIndexes(before, after, IDS, { topK: 5 });
  expect(overlap.mean).toBeLessThan(0.5);
  expect(sameFirst).toBeLessThan(0.5);
});

test('overlap is what a count by hand gives', async () => {
  const at = (angle: number) => {
    const vector = new Float32Array(space.dimensions);
    vector[0] = Math.cos(angle);
    vector[1] = Math.sin(angle);
    return vector;
  };
  const before = await indexOf([
    ['q', at(0)],
    ['a', at(0.1)],
    ['b', at(0.2)],
    ['c', at(0.3)],
    ['d', at(0.4)],
  ]);
  const after = await indexOf([
    ['q', at(0)],
    ['a', at(0.3)],
    ['b', at(0.1)],
    ['c', at(0.4)],
    ['d', at(0.2)],
  ]);
  const { queries, shift } = await compareIndexes(before, after, ['q'], { topK: 2 });
  // a, b before; b, d after.
  expect(queries[0]).toMatchObject({
    overlap: 0.5,
    before: [{ id: 'a' }, { id: 'b' }],
    after: [{ id: 'b' }, { id: 'd' }],
  });
  expect(shift).toBeCloseTo(0, 5);
});

test('items of one index alone take no place from those of both', async () => {
  const before = await indexOf(pairs());
  const extra = VECTORS.slice(0, 5).map((vector, place) => [`new-${place}`, vector] as const);
  const after = await indexOf([...pairs(), ...extra]);
  const { overlap, queries } = await compareIndexes(before, after, [...IDS, 'new-0', 'nowhere'], {
    topK: 10,
  });
  expect(overlap).toMatchObject({ mean: 1, min: 1 });
  expect(queries).toHaveLength(60);
});

test('scores that all shrink are told as such, with the min_score that lets as many through', async () => {
  const before = await indexOf(pairs());
  // A value that all vectors lack pulls every pair apart by the same share.
  const after = await indexOf(
    pairs((vector, place) => {
      const changed = vector.map((value) => value * 0.9);
      changed[place % space.dimensions] = (changed[place % space.dimensions] ?? 0) + 0.4;
      return changed;
    }),
  );
  const { shift, thresholds, scores } = await compareIndexes(before, after, IDS, { topK: 10 });
  expect(shift).toBeLessThan(0);
  expect(scores.after.p50).toBeLessThan(scores.before.p50);
  for (const row of thresholds) expect(row.share).toBeGreaterThan(0);
});

test('nothing in common to ask by is an error', async () => {
  const before = await indexOf(pairs());
  const after = await indexOf([['other', VECTORS[0] ?? new Float32Array()]]);
  await expect(compareIndexes(before, after, IDS, { topK: 10 })).rejects.toMatchObject({ code: 'not_found' });
});
