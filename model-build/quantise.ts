// Floats → int8: weights per output channel, biases in units of the product, activations to levels chosen
// by calibrate.ts. And back: dequantise gives the float network the int8 weights stand for.

import type { NetworkLevels } from './float-graph.ts';
import type { InputCorrelations } from './input-correlations.ts';
import { unpackInt4 } from './int4-weights.ts';
import type {
  FloatConvolution,
  FloatLinear,
  FloatNetwork,
  Int8Linear,
  Levels,
  QuantisedConvolution,
  QuantisedNetwork,
} from './network.ts';
import { LARGEST_WEIGHT, roundKernels } from './round-kernels.ts';

/** A bias stays this far from the ends of int32, so that adding the product cannot wrap. */
const LARGEST_BIAS = 2 ** 30;

/**
 * Quantises every tensor. The levels' lists have one entry per layer; with the correlations of each
 * convolution's input, its kernels are rounded by them, else each weight to its nearest level.
 */
export function quantiseNetwork(
  network: FloatNetwork,
  levels: NetworkLevels,
  correlations: readonly InputCorrelations[] = [],
): QuantisedNetwork {
  let input = levels.pixels;
  const convolutions = network.convolutions.map((convolution, index) => {
    const output = at(levels.convolutions, index);
    const quantised = quantiseConvolution(convolution, input, output, correlations[index]);
    input = output;
    return quantised;
  });
  const linears = network.linears.map((linear, index) => quantiseLinear(linear, at(levels.linears, index)));
  return { configuration: network.configuration, input: network.input, convolutions, linears };
}

function at(levels: readonly Levels[], index: number): Levels {
  const found = levels[index];
  if (found === undefined) throw new RangeError(`No levels for layer ${index}.`);
  return found;
}

export function quantiseConvolution(
  { shape, weight, bias }: FloatConvolution,
  input: Levels,
  output: Levels,
  correlations?: InputCorrelations,
): QuantisedConvolution {
  const scale = rowScales(weight, shape.outputChannels);
  // A channel of (almost) no weights: a larger scale keeps its bias inside int32.
  scale.forEach((value, row) => {
    const smallest = Math.abs(bias[row] ?? 0) / (input.scale * LARGEST_BIAS);
    if (value < smallest) scale[row] = smallest;
  });
  return {
    shape,
    weight:
      correlations === undefined
        ? roundRows(weight, scale)
        : roundKernels(weight, scale, shape.inputChannels, correlations),
    scale,
    bias: Int32Array.from(bias, (value, row) => Math.round(value / (input.scale * (scale[row] ?? 1)))),
    input,
    output,
  };
}

export function quantiseLinear({ shape, weight, bias }: FloatLinear, input: Levels): Int8Linear {
  const scale = rowScales(weight, shape.outputs);
  return { format: 'int8', shape, weight: roundRows(weight, scale), scale, bias, input };
}

/** Largest magnitude of each row ÷ 127; 1 for a row of zeros. */
function rowScales(weight: Float32Array, rows: number): Float32Array {
  const columns = weight.length / rows;
  return Float32Array.from({ length: rows }, (_, row) => {
    let largest = 0;
    for (let index = row * columns; index < (row + 1) * columns; index += 1) {
      largest = Math.max(largest, Math.abs(weight[index] ?? 0));
    }
    return Math.max(largest / LARGEST_WEIGHT, Number(largest === 0));
  });
}

function roundRows(weight: Float32Array, scale: Float32Array): Int8Array {
  const columns = weight.length / scale.length;
  const rounded = new Int8Array(weight.length);
  scale.forEach((step, row) => {
    for (let index = row * columns; index < (row + 1) * columns; index += 1) {
      const level = Math.round((weight[index] ?? 0) / step);
      rounded[index] = Math.min(Math.max(level, -LARGEST_WEIGHT), LARGEST_WEIGHT);
    }
  });
  return rounded;
}

/** The float network that the quantised weights stand for; what GPUs run, so that both sides agree. */
export function dequantise(network: QuantisedNetwork): FloatNetwork {
  return {
    configuration: network.configuration,
    input: network.input,
    convolutions: network.convolutions.map(({ shape, weight, scale, bias, input }) => ({
      shape,
      weight: scaleRows(weight, scale),
      bias: Float32Array.from(bias, (value, row) => value * input.scale * (scale[row] ?? 1)),
    })),
    linears: network.linears.map((linear) => ({
      shape: linear.shape,
      weight: linear.format === 'int8' ? scaleRows(linear.weight, linear.scale) : unpackInt4(linear),
      bias: linear.bias,
    })),
  };
}

function scaleRows(weight: Int8Array, scale: Float32Array): Float32Array {
  const columns = weight.length / scale.length;
  const real = new Float32Array(weight.length);
  scale.forEach((step, row) => {
    for (let index = row * columns; index < (row + 1) * columns; index += 1) {
      real[index] = (weight[index] ?? 0) * step;
    }
  });
  return real;
}
