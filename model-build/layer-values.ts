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
 * Features [images, channels × 49] and, behind them, their maps mirrored: nearly what the mirrored images would give,
 * and twice the samples.
 */
export function withMirrored({ rows, columns, values }: Matrix): Matrix {
  const both = new Float32Array(2 * values.length);
  both.set(values);
  for (let at = 0; at < values.length; at += POOLED_SIDE) {
    both.set(values.subarray(at, at + POOLED_SIDE).toReversed(), values.length + at);
  }
  return { rows: 2 * rows, columns, values: both };
}
