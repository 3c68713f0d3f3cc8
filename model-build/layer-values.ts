// What the linear layers of the float network are given and give, for a set of features: samples to quantise heads
// on, and what heads are compared with.

import { POOLED_SIDE } from '../core/family.ts';
import type { Matrix, MatrixProducts } from './matrix-product.ts';
import type { FloatLinear } from './network.ts';

/** The input of each layer in order, and the output of the last; rows are samples. */
export async function layerValues(
  linears: readonly FloatLinear[],
  features: Matrix,
  products: MatrixProducts,
): Promise<Matrix[]> {
  const values = [features];
  let current = features;
  for (const { shape, weight, bias } of linears) {
    const { inputs, outputs, relu } = shape;
    const sums = await products.multiplyTransposed(current, {
      rows: outputs,
      columns: inputs,
      values: weight,
    });
    sums.values.forEach((sum, at) => {
      const value = sum + (bias?.[at % outputs] ?? 0);
      sums.values[at] = relu ? Math.max(value, 0) : value;
    });
    current = sums;
    values.push(current);
  }
  return values;
}

/**
 * Features [images, channels × 49] and what the network would see of each image flipped, or moved by a cell: more
 * samples than there are images, for nothing.
 */
export function variedFeatures(features: Matrix): Matrix {
  const { rows, columns, values } = features;
  const varied = new Float32Array(VARIATIONS.length * values.length);
  const side = POOLED_SIDE;
  VARIATIONS.forEach(({ flip, right, down }, variation) => {
    const start = variation * values.length;
    for (let map = 0; map < values.length; map += side * side) {
      for (let y = 0; y < side; y += 1) {
        for (let x = 0; x < side; x += 1) {
          const fromX = within(flip ? side - 1 - x + right : x + right, side);
          const fromY = within(y + down, side);
          varied[start + map + y * side + x] = values[map + fromY * side + fromX] ?? 0;
        }
      }
    }
  });
  return { rows: rows * VARIATIONS.length, columns, values: varied };
}

const VARIATIONS = [
  { flip: false, right: 0, down: 0 },
  { flip: true, right: 0, down: 0 },
  { flip: false, right: 1, down: 0 },
  { flip: true, right: 1, down: 0 },
] as const;

/** Beyond the edge lies what lies at it. */
function within(position: number, side: number): number {
  return Math.min(Math.max(position, 0), side - 1);
}
