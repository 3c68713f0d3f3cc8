import { expect, test } from 'vitest';
import { cosineFigures, rowCosines, topAgreement } from '../../eval/fidelity.ts';

test('cosine of each row; two rows of zeros agree, one does not', () => {
  const a = Float32Array.of(1, 0, 1, 1, 0, 0, 0, 0);
  const b = Float32Array.of(2, 0, 1, -1, 0, 0, 1, 0);
  expect([...rowCosines(a, b, 2)]).toEqual([1, 0, 1, 0]);
});

test('mean, lowest 1 % and minimum', () => {
  const cosines = Float64Array.from({ length: 200 }, (_, index) => index / 200).reverse();
  const figures = cosineFigures(cosines);
  expect(figures.mean).toBeCloseTo(0.4975, 6);
  expect(figures.lowest1Percent).toBeCloseTo(2 / 200, 6);
  expect(figures.min).toBe(0);
});

test('agreement of the largest values', () => {
  const a = Float32Array.of(1, 2, 3, 9, 8, 7);
  const b = Float32Array.of(0, 0, 1, 1, 2, 0);
  expect(topAgreement(a, b, 3)).toBe(0.5);
});
