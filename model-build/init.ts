// Seeded random weights in place of a weight file: `vgg-edge build --init kaiming --seed N`.

import { convolutionShapes, linearShapes, type VggConfiguration } from '../core/family.ts';
import type { FloatNetwork, InputContract } from './network.ts';
import { createRandom } from './random.ts';

/**
 * Kaiming-uniform weights (He et al. 2015, arXiv:1502.01852): ±√(6 ÷ inputs), which keeps the variance of
 * activations through ReLUs; biases 0, batch norm the identity. Uniform rather than normal, because it
 * needs no logarithm and so gives the same bits everywhere.
 */
export function kaimingNetwork(
  configuration: VggConfiguration,
  input: InputContract,
  seed: number,
): FloatNetwork {
  const random = createRandom(seed);
  const uniform = (count: number, inputs: number): Float32Array => {
    const bound = Math.sqrt(6 / inputs);
    return Float32Array.from({ length: count }, () => (2 * random() - 1) * bound);
  };
  return {
    configuration,
    input,
    convolutions: convolutionShapes(configuration, input.crop).map((shape) => ({
      shape,
      weight: uniform(shape.outputChannels * shape.inputChannels * 9, shape.inputChannels * 9),
      bias: new Float32Array(shape.outputChannels),
    })),
    linears: linearShapes(configuration).map((shape) => ({
      shape,
      weight: uniform(shape.outputs * shape.inputs, shape.inputs),
      bias: shape.bias ? new Float32Array(shape.outputs) : null,
    })),
  };
}
