import { expect, test } from 'vitest';
import { BATCH_NORM_EPSILON, foldBatchNorm } from '../../model-build/fold-batchnorm.ts';

test('the folded convolution gives what convolution and batch norm give', () => {
  const weight = Float32Array.from({ length: 2 * 9 }, (_, index) => Math.sin(index + 1));
  const bias = Float32Array.of(0.5, -0.25);
  const norm = {
    weight: Float32Array.of(1.5, 0.5),
    bias: Float32Array.of(0.1, -2),
    runningMean: Float32Array.of(3, -1),
    runningVariance: Float32Array.of(4, 0.25),
  };
  const folded = foldBatchNorm(weight, bias, norm);
  const input = Float64Array.from({ length: 9 }, (_, index) => Math.cos(index));
  for (const channel of [0, 1]) {
    const sum = (values: Float32Array, offset: number) =>
      input.reduce((total, x, tap) => total + x * (values[channel * 9 + tap] ?? 0), offset);
    const normalised =
      ((sum(weight, bias[channel] ?? 0) - (norm.runningMean[channel] ?? 0)) /
        Math.sqrt((norm.runningVariance[channel] ?? 0) + BATCH_NORM_EPSILON)) *
        (norm.weight[channel] ?? 0) +
      (norm.bias[channel] ?? 0);
    expect(sum(folded.weight, folded.bias[channel] ?? 0)).toBeCloseTo(normalised, 5);
  }
});
