// Fitted projections: whitening on data whose directions are known.

import { describe, expect, test } from 'vitest';
import { project } from '../../core/projection.ts';
import { fitProjection } from '../../search/fit-projection.ts';

/** A small generator; the data only has to be the same every time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** `count` points in `length` dimensions around `centre`, whose axis i has deviation `deviations[i]`. */
function cloud(count: number, length: number, deviations: readonly number[], centre = 0.5): Float32Array[] {
  const random = generator(7);
  // A sum of twelve uniform numbers is near enough to a normal one.
  const normal = () => Array.from({ length: 12 }, random).reduce((sum, value) => sum + value, -6);
  return Array.from({ length: count }, () =>
    Float32Array.from({ length }, (_, axis) => centre + (deviations[axis] ?? 0.001) * normal()),
  );
}

const fitTo = (vectors: readonly Float32Array[], dimensions: number) =>
  fitProjection(vectors, dimensions, generator(1));

describe('a cloud with known axes', () => {
  const vectors = cloud(600, 40, [4, 2, 1]);
  const fitted = fitTo(vectors, 3);

  test('its variances are found, largest first', () => {
    for (const [index, expected] of [16, 4, 1].entries()) {
      expect((fitted.variances[index] ?? 0) / expected).toBeGreaterThan(0.85);
      expect((fitted.variances[index] ?? 0) / expected).toBeLessThan(1.15);
    }
    expect(fitted.explained[2]).toBeGreaterThan(0.999);
    expect(fitted.explained[0]).toBeCloseTo(16 / 21, 1);
  });

  test('projected, it has mean 0 and the identity as covariance', () => {
    const projected = vectors.map((vector) => project(vector, fitted));
    for (let a = 0; a < 3; a += 1) {
      expect(projected.reduce((sum, vector) => sum + (vector[a] ?? 0), 0) / 600).toBeCloseTo(0, 4);
      for (let b = 0; b < 3; b += 1) {
        const covariance =
          projected.reduce((sum, vector) => sum + (vector[a] ?? 0) * (vector[b] ?? 0), 0) / 599;
        expect(covariance).toBeCloseTo(a === b ? 1 : 0, 4);
      }
    }
  });

  test('a smaller fit is its first rows', () => {
    const smaller = fitTo(vectors, 1);
    smaller.matrix.forEach((value, index) => {
      expect(value).toBeCloseTo(fitted.matrix[index] ?? 0, 5);
    });
  });

  test('the same data gives the same numbers', () => {
    expect(fitTo(vectors, 3)).toEqual(fitted);
  });
});

test('as many dimensions as the points allow', () => {
  const fitted = fitTo(cloud(11, 200, [1, 1, 1, 1, 1, 1]), 10);
  expect(fitted.matrix).toHaveLength(2000);
  expect(fitted.explained.at(-1)).toBeCloseTo(1, 5);
});

test('points that are all the same project to 0', () => {
  const same = cloud(5, 4, [0, 0, 0, 0]);
  const fitted = fitTo(same, 2);
  expect([...project(same[0] ?? new Float32Array(4), fitted)]).toEqual([0, 0]);
});

test.each([
  ['too few images', cloud(8, 16, [1]), 8, 'more than 8 images'],
  ['more dimensions than values', cloud(30, 16, [1]), 17, '1 to 16'],
  ['no dimension', cloud(30, 16, [1]), 0, '1 to 16'],
  ['no image', [], 4, '1 to 0'],
  ['descriptors of two lengths', [...cloud(9, 16, [1]), new Float32Array(4)], 4, 'descriptor 9'],
  [
    'a value that is no number',
    [...cloud(9, 4, [1]), Float32Array.of(1, 2, Number.NaN, 4)],
    4,
    'descriptor 9',
  ],
])('%s: refused', (_, vectors, dimensions, message) => {
  expect(() => fitTo(vectors, dimensions)).toThrow(message);
});
