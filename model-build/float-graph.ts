// The float network → ONNX nodes: for GPUs (fp16, fp32), as the reference of a build, and, with levels,
// as the simulation of the quantised network that calibration searches on.

import { featuresDim, POOLED_SIDE } from '../core/family.ts';
import { tapOfLinear } from '../core/taps.ts';
import { adaptiveAveragePool } from './adaptive-pool.ts';
import { BATCH, type Graph, GraphBuilder } from './graph.ts';
import { channelsFirst, normalisedPixels } from './graph-input.ts';
import type { FloatConvolution, FloatLinear, FloatNetwork, Levels } from './network.ts';
import { rowPieces } from './row-pieces.ts';

export type FloatType = 'float32' | 'float16';

/** The activations' levels of a network, in the order of its layers. */
export interface NetworkLevels {
  /** Of the normalised pixels. */
  readonly pixels: Levels;
  /** Outputs of the convolutions; zero point 0. */
  readonly convolutions: readonly Levels[];
  /** Inputs of the linear layers. */
  readonly linears: readonly Levels[];
}

export interface FloatGraphOptions {
  readonly type: FloatType;
  /** Rounds every activation to its levels, as the int8 graph does; their scales are inputs of the graph. */
  readonly simulate?: boolean;
  /** Cuts every activation off where its levels end, as the int8 graph does, without rounding. */
  readonly limits?: Pick<NetworkLevels, 'convolutions' | 'linears'>;
  /**
   * Makes outputs of the graph: `pixels.planes`, every layer's output (after its pool), every
   * linear's input, and each convolution's `<name>.mean` [images, out], of its sums before the ReLU.
   */
  readonly expose?: boolean;
}

/** `pixels` uint8 [images, crop, crop, 3] → `features` float32 [images, channels × 49]. */
export function floatBackbone(network: FloatNetwork, options: FloatGraphOptions): Graph {
  const { simulate = false, expose = false } = options;
  const builder = new GraphBuilder('backbone');
  const normalised = normalisedPixels(builder, network.input);
  const pixels = simulate ? round(builder, normalised, 'pixels') : normalised;
  const planes = channelsFirst(builder, pixels);
  let value = toType(builder, planes, 'pixels.half', options.type);
  let side = network.input.crop;
  if (expose) builder.output(planes, 'float32', [BATCH, 3, side, side]);
  for (const [index, convolution] of network.convolutions.entries()) {
    const { name, outputChannels, pools } = convolution.shape;
    value = convolve(builder, value, convolution, options, options.limits?.convolutions[index]);
    if (simulate) value = round(builder, value, name);
    for (let pool = 1; pool <= pools; pool += 1) {
      const pooled = `${name}.pool${pool}`;
      value = builder.node('MaxPool', [value], pooled, { kernel_shape: [2, 2], strides: [2, 2] });
      side = Math.floor(side / 2);
    }
    if (expose) builder.output(value, options.type, [BATCH, outputChannels, side, side]);
  }
  value = fromType(builder, value, 'features.real', options.type);
  if (side !== POOLED_SIDE) value = adaptiveAveragePool(builder, value, side, 1);
  builder.node('Flatten', [value], 'features', { axis: 1 });
  builder.output('features', 'float32', [BATCH, featuresDim(network.configuration)]);
  return builder.build();
}

function convolve(
  builder: GraphBuilder,
  value: string,
  layer: FloatConvolution,
  { type, expose = false }: FloatGraphOptions,
  limits: Levels | undefined,
): string {
  const { name, inputChannels, outputChannels } = layer.shape;
  const weight = builder.weight(
    `${name}.weight`,
    [outputChannels, inputChannels, 3, 3],
    stored(layer.weight, type),
  );
  const bias = builder.weight(`${name}.bias`, [outputChannels], stored(layer.bias, type));
  const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] };
  const sums = builder.node('Conv', [value, weight, bias], `${name}.sums`, attributes);
  if (expose) {
    const mean = builder.node('ReduceMean', [sums], `${name}.mean`, { axes: [2, 3], keepdims: 0 });
    builder.output(mean, type, [BATCH, outputChannels]);
  }
  if (limits !== undefined) return clip(builder, sums, `${name}.output`, limits, type);
  return builder.node('Relu', [sums], `${name}.output`);
}

/** The values that the levels stand for; with zero point 0 this is the ReLU too. */
function clip(
  builder: GraphBuilder,
  value: string,
  output: string,
  { scale, zeroPoint, lowest, highest }: Levels,
  type: FloatType,
): string {
  const least = builder.scalar(`${output}.least`, type, (lowest - zeroPoint) * scale);
  const most = builder.scalar(`${output}.most`, type, (highest - zeroPoint) * scale);
  return builder.node('Clip', [value, least, most], output);
}

/** `features` float32 [images, channels × 49] → `fc6`, `fc7`, `scores` float32. */
export function floatHead(network: FloatNetwork, options: FloatGraphOptions): Graph {
  const { hiddenDim, outputDim } = network.configuration;
  const builder = new GraphBuilder('head');
  const features = builder.input('features', 'float32', [BATCH, featuresDim(network.configuration)]);
  let value = toType(builder, features, 'features.half', options.type);
  for (const [index, linear] of network.linears.entries()) {
    const { name } = linear.shape;
    if (options.simulate) value = round(builder, value, name);
    const limits = options.limits?.linears[index];
    if (limits !== undefined) value = clip(builder, value, `${name}.input`, limits, options.type);
    value = multiply(builder, value, linear, options);
  }
  builder.output('fc6', 'float32', [BATCH, hiddenDim]);
  builder.output('fc7', 'float32', [BATCH, hiddenDim]);
  builder.output('scores', 'float32', [BATCH, outputDim]);
  return builder.build();
}

function multiply(
  builder: GraphBuilder,
  value: string,
  { shape, weight, bias }: FloatLinear,
  { type, expose = false }: FloatGraphOptions,
): string {
  const { name, inputs, outputs, relu } = shape;
  const pieces = rowPieces(name, outputs, inputs, type === 'float32' ? 4 : 2).map((piece) => {
    const rows = weight.subarray(piece.start * inputs, (piece.start + piece.rows) * inputs);
    return builder.weight(piece.name, [piece.rows, inputs], stored(rows, type));
  });
  const [only = '', ...others] = pieces;
  // Constants: the runtime joins the pieces once, when it loads the graph.
  const matrix = others.length === 0 ? only : builder.node('Concat', pieces, `${name}.matrix`, { axis: 0 });
  const biases = bias === null ? [] : [builder.weight(`${name}.bias`, [outputs], stored(bias, type))];
  const tap = tapOfLinear(name);
  const last = tap !== undefined && type === 'float32' ? tap : `${name}.output`;
  const sums = builder.node('Gemm', [value, matrix, ...biases], relu ? `${name}.sums` : last, { transB: 1 });
  const output = relu ? builder.node('Relu', [sums], last) : sums;
  if (tap !== undefined) fromType(builder, output, tap, type);
  else if (expose) builder.output(output, type, [BATCH, outputs]);
  return output;
}

/** Rounds to levels and back, in floats. Adds the inputs that levelInputs() gives values for. */
function round(builder: GraphBuilder, value: string, layer: string): string {
  const [step = '', lowest = '', highest = ''] = LEVEL_INPUTS.map((part) =>
    builder.input(`${layer}.${part}`, 'float32', []),
  );
  const steps = builder.node('Div', [value, step], `${layer}.steps`);
  const rounded = builder.node('Round', [steps], `${layer}.rounded`);
  const clipped = builder.node('Clip', [rounded, lowest, highest], `${layer}.clipped`);
  return builder.node('Mul', [clipped, step], `${layer}.simulated`);
}

const LEVEL_INPUTS = ['step', 'lowest', 'highest'];

/** The inputs of a simulating graph for one layer's levels: scalars by name. */
export function levelInputs(layer: string, levels: Levels): [name: string, value: number][] {
  const { scale, zeroPoint, lowest, highest } = levels;
  return [
    [`${layer}.step`, scale],
    [`${layer}.lowest`, lowest - zeroPoint],
    [`${layer}.highest`, highest - zeroPoint],
  ];
}

function toType(builder: GraphBuilder, value: string, name: string, type: FloatType): string {
  return type === 'float32' ? value : builder.node('Cast', [value], name, { to: 10 });
}

function fromType(builder: GraphBuilder, value: string, name: string, type: FloatType): string {
  return type === 'float32' ? value : builder.node('Cast', [value], name, { to: 1 });
}

function stored(values: Float32Array, type: FloatType): Float32Array | Float16Array {
  return type === 'float32' ? values : Float16Array.from(values);
}
