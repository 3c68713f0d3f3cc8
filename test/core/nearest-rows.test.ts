// Nearest rows against the definition, and the share of them that two sets agree on.

import { expect, test } from 'vitest';
import { dot } from '../../core/cosine.ts';
import { normaliseL2 } from '../../core/descriptors.ts';
import { NEAREST, nearestOf, overlap, type VectorSet } from '../../core/nearest-rows.ts';
import { createRandom } from '../../model-build/random.ts';

function randomSet(seed: number, rows: number, width: number): VectorSet & { vectors: Float32Array[] } {
  const random = createRandom(seed);
  const vectors = Array.from({ length: rows }, () =>
    normaliseL2(Float32Array.from({ length: width }, () => random() - 0.4)),
  );
  return { rows, width, values: Float32Array.from(vectors.flatMap((vector) => [...vector])), vectors };
}

test.each([
  [2, 3],
  [11, 5],
  [40, 7],
  [101, 33],
])(
  '%i rows of %i values: each finds the others of the largest cosines in the other set, never itself',
  (rows, width) => {
    const queries = randomSet(rows, rows, width);
    const index = randomSet(rows + 1, rows, width);
    const nearest = nearestOf(queries, index);
    queries.vectors.forEach((query, self) => {
      const others = index.vectors
        .map((vector, row) => ({ row, cosine: dot(query, vector) }))
        .filter(({ row }) => row !== self)
        .toSorted((a, b) => b.cosine - a.cosine)
        .map(({ row }) => row);
      const expected = Array.from({ length: NEAREST }, (_, rank) => others[rank] ?? -1);
      expect([...nearest.subarray(self * NEAREST, (self + 1) * NEAREST)]).toEqual(expected);
    });
  },
);

const TEN = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
const NONE = new Int32Array(NEAREST).fill(-1);

test.each<[name: string, a: Int32Array, b: Int32Array, share: number]>([
  ['the same', TEN, TEN, 1],
  ['in another order', TEN, TEN.toReversed(), 1],
  ['half of them', TEN, Int32Array.of(1, 2, 3, 4, 5, 16, 17, 18, 19, 20), 0.5],
  ['none of them', TEN, TEN.map((row) => row + 10), 0],
  ['of two rows, not of the row beside', Int32Array.of(...TEN, ...NONE), Int32Array.of(...NONE, ...TEN), 0],
  ['of fewer than ten', Int32Array.of(4, ...NONE.subarray(1)), Int32Array.of(4, ...NONE.subarray(1)), 1],
  ['nothing to find', NONE, NONE, 1],
])('overlap: %s', (_, a, b, share) => {
  expect(overlap(a, b)).toBe(share);
});
