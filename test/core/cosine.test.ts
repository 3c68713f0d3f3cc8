// Cosines and products of vectors.

import { describe, expect, test } from 'vitest';
import { cosine, dot } from '../../core/cosine.ts';

const v = (...values: number[]) => Float32Array.of(...values);

describe('the cosine', () => {
  test.each([
    ['equal vectors', v(3, 4), v(3, 4), 1],
    ['the same direction', v(1, 0), v(9, 0), 1],
    ['opposite ones', v(1, 2), v(-2, -4), -1],
    ['perpendicular ones', v(1, 0), v(0, 1), 0],
    ['an angle of 45°', v(1, 0), v(1, 1), Math.SQRT1_2],
    ['two of zeros', v(0, 0), v(0, 0), 1],
    ['zeros and another', v(0, 0), v(1, 0), 0],
    ['zeros and what is not finite', v(0, 0), v(Number.NaN, 0), Number.NaN],
    ['infinity', v(Number.POSITIVE_INFINITY, 0), v(1, 0), Number.NaN],
    ['different widths', v(1, 0), v(1), Number.NaN],
    ['zeros of different widths', v(0, 0), v(0), Number.NaN],
  ])('of %s', (_, a, b, expected) => {
    for (const found of [cosine(a, b), cosine(b, a)]) {
      if (Number.isNaN(expected)) expect(found).toBeNaN();
      else expect(found).toBeCloseTo(expected, 12);
    }
  });
});

test('a product is summed in float64', () => {
  expect(dot(v(2 ** 24, 1), v(1, 1))).toBe(2 ** 24 + 1);
  expect(dot(v(1, 2), v(1))).toBeNaN();
});
