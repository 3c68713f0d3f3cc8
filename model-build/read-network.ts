// A weight file → the float network: tensors read one by one, checked for finite values, batch norm folded.

import { convolutionShapes } from '../core/family.ts';
import type { TensorFile } from '../core/tensor.ts';
import { foldBatchNorm } from './fold-batchnorm.ts';
import { invalidWeights } from './invalid-weights.ts';
import { type NamedBatchNorm, type NamedConvolution, nameTensors } from './name-tensors.ts';
import type { FloatConvolution, FloatLinear, FloatNetwork, InputContract } from './network.ts';
import { readFinite } from './read-finite.ts';

/** Called before each tensor-bearing layer: how many are read, of how many. */
export type LayerProgress = (done: number, total: number) => void;

/**
 * Reads the whole network. Throws InputError naming the tensor that is missing, misshapen, not finite, or
 * (a variance) negative.
 */
export async function readNetwork(
  file: TensorFile,
  input: InputContract,
  progress: LayerProgress = () => {},
): Promise<FloatNetwork> {
  const named = nameTensors(file);
  const total = named.convolutions.length + named.linears.length;
  const shapes = convolutionShapes(named.configuration, input.crop);
  const convolutions: FloatConvolution[] = [];
  for (const [index, convolution] of named.convolutions.entries()) {
    progress(index, total);
    const shape = shapes[index] ?? convolution.shape;
    convolutions.push({ ...(await readConvolution(file, convolution)), shape });
  }
  const linears: FloatLinear[] = [];
  for (const [index, { shape, weight, bias }] of named.linears.entries()) {
    progress(convolutions.length + index, total);
    const values = await readFinite(file, weight);
    linears.push({ shape, weight: values, bias: bias === null ? null : await readFinite(file, bias) });
  }
  progress(total, total);
  return { configuration: named.configuration, input, convolutions, linears };
}

async function readConvolution(
  file: TensorFile,
  { shape, weight, bias, batchNorm }: NamedConvolution,
): Promise<{ weight: Float32Array; bias: Float32Array }> {
  const values = await readFinite(file, weight);
  const biases = bias === null ? new Float32Array(shape.outputChannels) : await readFinite(file, bias);
  if (batchNorm === null) return { weight: values, bias: biases };
  return foldBatchNorm(values, biases, await readBatchNorm(file, batchNorm));
}

async function readBatchNorm(file: TensorFile, names: NamedBatchNorm) {
  const runningVariance = await readFinite(file, names.runningVariance);
  const channel = runningVariance.findIndex((value) => value < 0);
  if (channel >= 0) {
    const found = `${runningVariance[channel]} at [${channel}]`;
    throw invalidWeights(names.runningVariance, 'variances ≥ 0', found);
  }
  return {
    weight: await readFinite(file, names.weight),
    bias: await readFinite(file, names.bias),
    runningMean: await readFinite(file, names.runningMean),
    runningVariance,
  };
}
