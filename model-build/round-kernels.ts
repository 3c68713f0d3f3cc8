// Rounds a convolution's weights so that the errors within each 3×3 kernel cancel in the sums it computes,
// instead of each weight to its nearest level: a greedy form of learnt rounding (Nagel et al. 2020, AdaRound,
// arXiv:2004.10568) that needs only the second moments of the layer's input.

import type { InputCorrelations } from './input-correlations.ts';

/** Symmetric: −128 is not used, so that negating a weight stays possible. */
export const LARGEST_WEIGHT = 127;

/**
 * int8 [out, in, 3, 3] of `weight` ÷ `scale` [out]: each weight goes up or down to a neighbouring level, so
 * that eᵀ H e falls, e the kernel's nine errors and H the correlations of its input.
 */
export function roundKernels(
  weight: Float32Array,
  scale: Float32Array,
  inputChannels: number,
  correlations: InputCorrelations,
): Int8Array {
  const levels = new Int8Array(weight.length);
  const matrices = Array.from({ length: inputChannels }, (_, channel) => correlations.matrix(channel));
  const real = new Float64Array(9);
  const errors = new Float64Array(9);
  for (let kernel = 0; kernel < weight.length / 9; kernel += 1) {
    const step = scale[Math.floor(kernel / inputChannels)] ?? 1;
    for (let tap = 0; tap < 9; tap += 1) {
      const exact = (weight[kernel * 9 + tap] ?? 0) / step;
      const level = Math.min(Math.max(Math.round(exact), -LARGEST_WEIGHT), LARGEST_WEIGHT);
      real[tap] = exact;
      errors[tap] = level - exact;
    }
    const matrix = matrices[kernel % inputChannels];
    if (matrix !== undefined) improve(errors, matrix);
    for (let tap = 0; tap < 9; tap += 1) {
      const level = Math.round((real[tap] ?? 0) + (errors[tap] ?? 0));
      levels[kernel * 9 + tap] = Math.min(Math.max(level, -LARGEST_WEIGHT), LARGEST_WEIGHT);
    }
  }
  return levels;
}

/** Moves the error whose other side lowers eᵀ H e most, as long as one does. */
function improve(errors: Float64Array, matrix: Float64Array): void {
  for (let moves = 0; moves < 9; moves += 1) {
    let best = -1;
    let most = 0;
    for (let tap = 0; tap < 9; tap += 1) {
      const move = (errors[tap] ?? 0) > 0 ? -1 : 1;
      let product = 0;
      for (let other = 0; other < 9; other += 1) {
        product += (matrix[tap * 9 + other] ?? 0) * (errors[other] ?? 0);
      }
      const change = 2 * move * product + (matrix[tap * 10] ?? 0);
      if (change < most) {
        most = change;
        best = tap;
      }
    }
    if (best < 0) return;
    const error = errors[best] ?? 0;
    errors[best] = error > 0 ? error - 1 : error + 1;
  }
}
