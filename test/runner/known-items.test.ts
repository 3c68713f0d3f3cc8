// Items that an index has already: what goes over to the new one with its vector, and with which metadata.

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Metadata } from '../../core/vector-store.ts';
import { sortItems } from '../../runner/known-items.ts';
import type { Source } from '../../runner/ports.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { SPACE } from './output-contract.ts';

const space = { ...SPACE, dimensions: 2 };
const BYTES = Buffer.from('an image');
const sha256 = createHash('sha256').update(BYTES).digest('hex');
const long = (length: number) => 'x'.repeat(length);

test.each<[what: string, noted: Metadata, own: Metadata, copied: Metadata]>([
  ['what others noted stays', { note: 'mine', year: 1 }, { year: 2 }, { note: 'mine', year: 2, sha256 }],
  [
    'what is too much together gives way to what the source says',
    { note: long(8000) },
    { caption: long(8000) },
    { caption: long(8000), sha256 },
  ],
])('%s', async (_, noted, metadata, copied) => {
  const store = createMemoryStore();
  const before = await store.create('before', space);
  const after = await store.create('after', space);
  const vector = Float32Array.of(1, 0);
  await before.upsert(space, [{ id: 'a', vector, metadata: { ...noted, sha256 } }]);
  const source: Source = { name: 'one', async *list() {}, read: async () => BYTES, async close() {} };
  const item = { id: 'a', location: 'a', metadata };
  const { copies, wanted } = await sortItems([item], { source, before, after, sameSpace: true, maxBytes: 9 });
  expect(wanted).toEqual([]);
  expect(copies).toEqual([{ id: 'a', vector, metadata: copied }]);
  await after.upsert(space, copies);
});
