// Randomised factors against an exact decomposition of the same matrix.

import { Matrix as DoubleMatrix, SVD } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { type Factors, factorise, truncate } from '../../model-build/factorise.ts';
import { type Matrix, openMatrixProducts } from '../../model-build/matrix-product.ts';
import { createRandom } from '../../model-build/random.ts';

/** Singular values fall as `decay`ⁿ, those of the factors it is made of. */
function decaying(rows: number, columns: number, decay: number): Matrix {
  const random = createRandom(rows);
  const values = new Float32Array(rows * columns);
  for (let term = 0; term < Math.min(rows, columns); term += 1) {
    const left = Array.from({ length: rows }, () => random() - 0.5);
    const right = Array.from({ length: columns }, () => random() - 0.5);
    values.forEach((value, at) => {
      const product = (left[Math.floor(at / columns)] ?? 0) * (right[at % columns] ?? 0);
      values[at] = value + decay ** term * product;
    });
  }
  return { rows, columns, values };
}

const double = ({ rows, columns, values }: Matrix) => DoubleMatrix.from1DArray(rows, columns, [...values]);

/** ‖(W − up · down) diag(sizes)‖ ÷ ‖W diag(sizes)‖ */
function error(weight: Matrix, { up, down }: Factors, sizes: Float32Array): number {
  const weights = DoubleMatrix.diag([...sizes]);
  const difference = DoubleMatrix.sub(double(weight), double(up).mmul(double(down))).mmul(weights);
  return difference.norm() / double(weight).mmul(weights).norm();
}

/** The least error there can be (Eckart and Young). */
function leastError(weight: Matrix, rank: number, sizes: Float32Array): number {
  const sized = double(weight).mmul(DoubleMatrix.diag([...sizes]));
  const singular = new SVD(sized, { autoTranspose: true }).diagonal;
  const energy = (values: number[]) => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(energy(singular.slice(rank)) / energy(singular));
}

const flat = (columns: number) => new Float32Array(columns).fill(1);
const uneven = (columns: number) => Float32Array.from({ length: columns }, (_, at) => 0.1 + (at % 7));

describe('factors of a rank', () => {
  test.each<[string, Matrix, number, Float32Array]>([
    ['a wide matrix', decaying(40, 160, 0.8), 8, flat(160)],
    ['a tall one', decaying(160, 40, 0.8), 8, flat(40)],
    ['slowly falling singular values', decaying(200, 300, 0.99), 30, flat(300)],
    ['inputs of different size', decaying(60, 150, 0.9), 12, uneven(150)],
    ['a rank lower than asked for', decaying(50, 90, 1e-5), 20, flat(90)],
    ['the full rank', decaying(20, 30, 0.9), 20, uneven(30)],
  ])('%s', async (_, weight, rank, sizes) => {
    await using products = await openMatrixProducts();
    const factors = await factorise(weight, rank, sizes, products);
    expect(error(weight, factors, sizes)).toBeLessThanOrEqual(leastError(weight, rank, sizes) * 1.01 + 1e-4);
  });

  test('the first of them are the factors of a lower rank', async () => {
    await using products = await openMatrixProducts();
    const weight = decaying(80, 120, 0.93);
    const factors = await factorise(weight, 32, flat(120), products);
    for (const rank of [4, 16]) {
      const least = leastError(weight, rank, flat(120));
      expect(error(weight, truncate(factors, rank), flat(120))).toBeLessThanOrEqual(least * 1.01);
    }
  });
});
