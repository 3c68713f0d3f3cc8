// Batch norm in evaluation mode is a scale and a shift per channel: folded into the convolution before it.

/** Per channel, as PyTorch's BatchNorm2d holds them. */
export interface BatchNorm {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly runningMean: Float32Array;
  readonly runningVariance: Float32Array;
}

/** PyTorch's default; a state dict does not hold it, and torchvision and timm use it. */
export const BATCH_NORM_EPSILON = 1e-5;

/**
 * The weight [out, in, 3, 3] and bias [out] that give γ·(conv(x) − μ) ÷ √(σ² + ε) + β without a batch
 * norm. Computed in float64, rounded once.
 */
export function foldBatchNorm(
  weight: Float32Array,
  bias: Float32Array,
  norm: BatchNorm,
): { weight: Float32Array; bias: Float32Array } {
  const channels = bias.length;
  const size = weight.length / channels;
  const factors = Float64Array.from(
    norm.weight,
    (gamma, channel) => gamma / Math.sqrt((norm.runningVariance[channel] ?? 0) + BATCH_NORM_EPSILON),
  );
  return {
    weight: weight.map((value, index) => value * (factors[Math.floor(index / size)] ?? 0)),
    bias: bias.map(
      (value, channel) =>
        (value - (norm.runningMean[channel] ?? 0)) * (factors[channel] ?? 0) + (norm.bias[channel] ?? 0),
    ),
  };
}
