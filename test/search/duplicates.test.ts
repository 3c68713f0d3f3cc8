// Duplicates: pairs as comparing all with all finds them, groups without chains, thresholds by counting.

import { describe, expect, test } from 'vitest';
import { dot } from '../../core/cosine.ts';
import { toInt8 } from '../../core/quantise-vector.ts';
import { chooseThreshold, measureThresholds } from '../../search/duplicate-threshold.ts';
import { findPairs, groupPairs } from '../../search/duplicates.ts';
import { loadScanKernel } from '../../search/node/scan-kernel.ts';
import { clusteredVectors } from './vectors.ts';

const kernel = loadScanKernel();

/** At an angle: cosines are those of the differences. */
const at = (degrees: number) => {
  const vector = new Float32Array(16);
  vector[0] = Math.cos((degrees * Math.PI) / 180);
  vector[1] = Math.sin((degrees * Math.PI) / 180);
  return vector;
};
const cos = (degrees: number) => Math.cos((degrees * Math.PI) / 180);

describe('pairs', () => {
  test('are those that comparing all with all finds', () => {
    const draw = clusteredVectors({ clusters: 6, dimensions: 48, seed: 4 });
    const vectors = Array.from({ length: 120 }, draw);
    const progress: number[] = [];
    const pairs = findPairs(kernel, vectors.map(toInt8), {
      threshold: 0.9,
      perRow: 200,
      progress: (done) => progress.push(done),
    });
    const found = new Set(pairs.map(({ a, b }) => `${a}-${b}`));
    expect(found.size).toBe(pairs.length);
    vectors.forEach((left, a) => {
      vectors.slice(a + 1).forEach((right, offset) => {
        const score = dot(left, right);
        if (Math.abs(score - 0.9) > 0.01) {
          expect(found.has(`${a}-${a + 1 + offset}`)).toBe(score > 0.9);
        }
      });
    });
    expect(progress.at(-1)).toBe(120);
  });

  test('keep the best of each row', () => {
    const vectors = [0, 1, 2, 3, 4].map((degrees) => toInt8(at(degrees)));
    const pairs = findPairs(kernel, vectors, { threshold: 0.5, perRow: 1 });
    expect(pairs.map(({ a, b }) => [a, b])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
  });

  test.each([0, 1])('of %i photos there are none', (count) => {
    const vectors = Array.from({ length: count }, () => toInt8(at(0)));
    expect(findPairs(kernel, vectors, { threshold: 0, perRow: 9 })).toEqual([]);
  });
});

describe('groups', () => {
  test.each([
    [
      5,
      [
        [1, [0, 2]],
        [4, [3, 5]],
      ],
    ],
    [3, [[1, [0, 2, 3]]]],
  ])('are stars: a chain of %i links falls into pieces, and nobody is left over', (links, expected) => {
    const pairs = Array.from({ length: links }, (_, a) => ({ a, b: a + 1, score: 0.9 }));
    expect(groupPairs(pairs).map(({ centre, members }) => [centre, members.map(({ row }) => row)])).toEqual(
      expected,
    );
  });

  test('come largest first, members by likeness', () => {
    const pairs = [
      { a: 0, b: 1, score: 0.99 },
      { a: 5, b: 7, score: 0.91 },
      { a: 5, b: 8, score: 0.97 },
    ];
    expect(groupPairs(pairs)).toEqual([
      {
        centre: 5,
        members: [
          { row: 8, score: 0.97, like: 5 },
          { row: 7, score: 0.91, like: 5 },
        ],
      },
      { centre: 0, members: [{ row: 1, score: 0.99, like: 0 }] },
    ]);
    expect(groupPairs([])).toEqual([]);
  });
});

describe('thresholds', () => {
  // Photos at 0° and 40°, copies at a few degrees from their own.
  const originals = [at(0), at(40)];
  const copies = [
    { kind: 'near', original: 0, vector: at(5) },
    { kind: 'near', original: 1, vector: at(42) },
    { kind: 'far', original: 0, vector: at(25) },
    { kind: 'far', original: 1, vector: at(50) },
  ];
  const { rows, ...counts } = measureThresholds(kernel, originals, copies);
  const rowAt = (threshold: number) => rows.find((row) => row.threshold >= threshold);

  test('count what is found and what is mistaken', () => {
    expect(counts).toEqual({ photos: 2, copies: 4 });
    expect(rowAt(cos(27))).toMatchObject({ precision: 4 / 5, recall: 1 });
    expect(rowAt(cos(20))).toMatchObject({
      precision: 3 / 4,
      recall: 3 / 4,
      recallOf: { near: 1, far: 1 / 2 },
    });
    expect(rowAt(cos(12))).toMatchObject({ precision: 1, recall: 3 / 4 });
    expect(rowAt(0.99)).toMatchObject({ precision: 1, recall: 1 / 2, recallOf: { near: 1, far: 0 } });
  });

  test('the one chosen finds most at the precision asked for', () => {
    const chosen = chooseThreshold({ rows, ...counts }, 0.99);
    expect(chosen).toMatchObject({ precision: 1, recall: 3 / 4 });
    expect(chosen?.threshold).toBeGreaterThan(cos(15) - 0.005);
    expect(chooseThreshold({ rows: [], photos: 0, copies: 0 }, 0.99)).toBeUndefined();
  });
});
