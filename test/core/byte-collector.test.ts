import { expect, test } from 'vitest';
import { createByteCollector, declaredLength } from '../../core/byte-collector.ts';

test.each<[string, number | undefined, number[]]>([
  ['as declared', 6, [1, 2, 3]],
  ['nothing declared', undefined, [100_000, 1, 200_000]],
  ['fewer than declared', 10, [1, 2, 3]],
  ['more than declared', 2, [1, 2, 3, 50]],
  ['none', undefined, []],
  ['none, as declared', 0, []],
])('%s', (_, declared, sizes) => {
  const collector = createByteCollector(declared);
  const pieces = sizes.map((size, place) => new Uint8Array(size).fill(place + 1));
  for (const piece of pieces) collector.push(piece);
  const bytes = collector.bytes();
  expect(collector.length).toBe(bytes.length);
  expect(Buffer.compare(bytes, Buffer.concat(pieces))).toBe(0);
  // A view into more would keep that alive.
  expect(bytes.buffer.byteLength).toBe(bytes.length);
});

test.each([
  [null, undefined],
  ['12', 12],
  ['', undefined],
  ['-1', undefined],
  ['1e3', undefined],
  ['9'.repeat(30), undefined],
])('content-length %s', (header, length) => {
  expect(declaredLength(header)).toBe(length);
});
