// The quantised network → ONNX nodes in QOperator form, for the edge: backbone (pixels → features) and
// head (features → fc6, fc7, scores).

import { featuresDim, POOLED_SIDE } from '../core/family.ts';
import { adaptiveAveragePool } from './adaptive-pool.ts';
import { BATCH, type Graph, GraphBuilder } from './graph.ts';
import { channelsFirst, normalisedPixels } from './graph-input.ts';
import type { Levels, QuantisedConvolution, QuantisedLinear, QuantisedNetwork } from './network.ts';
import { rowPieces } from './row-pieces.ts';

/** `pixels` uint8 [images, crop, crop, 3] → `features` float32 [images, channels × 49]. */
export function int8Backbone(network: QuantisedNetwork): Graph {
  const builder = new GraphBuilder('backbone');
  const normalised = normalisedPixels(builder, network.input);
  const first = network.convolutions[0];
  const levels = first === undefined ? undefined : quantise(builder, normalised, 'pixels', first.input);
  let value = channelsFirst(builder, levels ?? normalised);
  let side = network.input.crop;
  let outputScale = 1;
  for (const convolution of network.convolutions) {
    value = convolve(builder, value, convolution);
    for (let pool = 1; pool <= convolution.shape.pools; pool += 1) {
      const name = `${convolution.shape.name}.pool${pool}`;
      value = builder.node('MaxPool', [value], name, { kernel_shape: [2, 2], strides: [2, 2] });
      side = Math.floor(side / 2);
    }
    outputScale = convolution.output.scale;
  }
  if (side === POOLED_SIDE) {
    const scale = builder.scalar('features.scale', 'float32', outputScale);
    value = builder.node('DequantizeLinear', [value, scale], 'features.map');
  } else {
    const real = builder.node('Cast', [value], 'features.levels', { to: 1 });
    value = adaptiveAveragePool(builder, real, side, outputScale);
  }
  builder.node('Flatten', [value], 'features', { axis: 1 });
  builder.output('features', 'float32', [BATCH, featuresDim(network.configuration)]);
  return builder.build();
}

function convolve(builder: GraphBuilder, value: string, convolution: QuantisedConvolution): string {
  const { shape, weight, scale, bias, input, output } = convolution;
  const { name, inputChannels, outputChannels } = shape;
  return builder.node(
    'QLinearConv',
    [
      value,
      builder.scalar(`${name}.input_scale`, 'float32', input.scale),
      builder.scalar(`${name}.input_zero_point`, 'uint8', input.zeroPoint),
      builder.weight(`${name}.weight`, [outputChannels, inputChannels, 3, 3], weight),
      builder.weight(`${name}.scale`, [outputChannels], scale),
      builder.scalar('weight_zero_point', 'int8', 0),
      builder.scalar(`${name}.output_scale`, 'float32', output.scale),
      builder.scalar(`${name}.output_zero_point`, 'uint8', output.zeroPoint),
      builder.weight(`${name}.bias`, [outputChannels], bias),
    ],
    `${name}.output`,
    { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] },
  );
}

/** `features` float32 [images, channels × 49] → `fc6`, `fc7`, `scores`. */
export function int8Head(network: QuantisedNetwork): Graph {
  const { hiddenDim, outputDim } = network.configuration;
  const builder = new GraphBuilder('head');
  let value = builder.input('features', 'float32', [BATCH, featuresDim(network.configuration)]);
  for (const linear of network.linears) value = multiply(builder, value, linear);
  builder.output('fc6', 'float32', [BATCH, hiddenDim]);
  builder.output('fc7', 'float32', [BATCH, hiddenDim]);
  builder.output('scores', 'float32', [BATCH, outputDim]);
  return builder.build();
}

/**
 * W int8 [out, in] × x [in, images]: in this order the engine reads W in its stored order and needs no
 * rearranged copy.
 */
function multiply(builder: GraphBuilder, value: string, linear: QuantisedLinear): string {
  const { shape, scale, bias, input } = linear;
  const { name, outputs } = shape;
  const pieces = addPieces(builder, linear);
  const product = input.highest <= 255 ? productOfBytes : productOfDigits;
  const sums = product(builder, value, linear, pieces);
  const rows = builder.node('Transpose', [sums], `${name}.rows`, { perm: [1, 0] });
  const real = builder.node('Cast', [rows], `${name}.real`, { to: 1 });
  const scales = builder.weight(`${name}.scale`, [outputs], scale);
  const factors = builder.node('Mul', [scales, `${name}.input_scale`], `${name}.factors`);
  const last = tapOf(name) ?? `${name}.output`;
  const scaled = builder.node('Mul', [real, factors], bias === null ? last : `${name}.scaled`);
  if (bias === null) return scaled;
  const biases = builder.weight(`${name}.bias`, [outputs], bias);
  const biased = builder.node('Add', [scaled, biases], shape.relu ? `${name}.biased` : last);
  return shape.relu ? builder.node('Relu', [biased], last) : biased;
}

/** The matrix, in pieces of whole rows where one shard cannot hold it. */
function addPieces(builder: GraphBuilder, { shape, weight }: QuantisedLinear): string[] {
  const { name, inputs, outputs } = shape;
  return rowPieces(name, outputs, inputs, 1).map((piece) => {
    const rows = weight.subarray(piece.start * inputs, (piece.start + piece.rows) * inputs);
    return builder.weight(piece.name, [piece.rows, inputs], rows);
  });
}

/** int32 [out, images] of uint8 levels. */
function productOfBytes(
  builder: GraphBuilder,
  value: string,
  { shape: { name }, input }: QuantisedLinear,
  pieces: readonly string[],
): string {
  const levels = quantise(builder, value, name, input);
  const columns = builder.node('Transpose', [levels], `${name}.columns`, { perm: [1, 0] });
  return integerProduct(builder, pieces, columns, `${name}.input_zero_point`, `${name}.product`);
}

/**
 * int32 [out, images] of levels of up to 16 bits: q = 256 × high + low with digits −128…127, stored as uint8
 * around 128; W q = 256 × W high + W low, exactly.
 */
function productOfDigits(
  builder: GraphBuilder,
  value: string,
  { shape: { name }, input }: QuantisedLinear,
  pieces: readonly string[],
): string {
  const constant = (part: string, number: number) => builder.scalar(`digits.${part}`, 'float32', number);
  const half = constant('half', 128);
  const steps = builder.node(
    'Div',
    [value, builder.scalar(`${name}.input_scale`, 'float32', input.scale)],
    `${name}.steps`,
  );
  const rounded = builder.node('Round', [steps], `${name}.rounded`);
  const lowest = builder.scalar(`${name}.lowest`, 'float32', input.lowest);
  const highest = builder.scalar(`${name}.highest`, 'float32', input.highest);
  const levels = builder.node('Clip', [rounded, lowest, highest], `${name}.levels`);
  const shifted = builder.node('Add', [levels, half], `${name}.shifted`);
  const share = builder.node('Mul', [shifted, constant('share', 1 / 256)], `${name}.share`);
  const high = builder.node('Floor', [share], `${name}.high`);
  const above = builder.node('Mul', [high, constant('base', 256)], `${name}.above`);
  const low = builder.node('Sub', [levels, above], `${name}.low`);
  const products = [high, low].map((digits) => {
    const moved = builder.node('Add', [digits, half], `${digits}.moved`);
    const bytes = builder.node('Cast', [moved], `${digits}.bytes`, { to: 2 });
    const columns = builder.node('Transpose', [bytes], `${digits}.columns`, { perm: [1, 0] });
    const zeroPoint = builder.scalar('digits.zero_point', 'uint8', 128);
    return integerProduct(builder, pieces, columns, zeroPoint, `${digits}.product`);
  });
  const [highProduct = '', lowProduct = ''] = products;
  const base = builder.scalar('digits.integer_base', 'int32', 256);
  const raised = builder.node('Mul', [highProduct, base], `${name}.raised`);
  return builder.node('Add', [raised, lowProduct], `${name}.product`);
}

function integerProduct(
  builder: GraphBuilder,
  pieces: readonly string[],
  columns: string,
  zeroPoint: string,
  output: string,
): string {
  if (pieces.length === 1) {
    return builder.node('MatMulInteger', [pieces[0] ?? '', columns, '', zeroPoint], output);
  }
  const products = pieces.map((piece, index) =>
    builder.node('MatMulInteger', [piece, columns, '', zeroPoint], `${output}.${index + 1}`),
  );
  return builder.node('Concat', products, output, { axis: 0 });
}

/** Adds `<name>.input_scale` and `<name>.input_zero_point`. */
function quantise(builder: GraphBuilder, value: string, name: string, levels: Levels): string {
  const scale = builder.scalar(`${name}.input_scale`, 'float32', levels.scale);
  const zeroPoint = builder.scalar(`${name}.input_zero_point`, 'uint8', levels.zeroPoint);
  return builder.node('QuantizeLinear', [value, scale, zeroPoint], `${name}.levels`);
}

/** The tap that a linear layer's output is: `fc6` of `fc6` or `fc6.up`, `scores` of `fc8`. */
export function tapOf(layer: string): 'fc6' | 'fc7' | 'scores' | null {
  if (layer === 'fc6' || layer === 'fc6.up') return 'fc6';
  if (layer === 'fc7' || layer === 'fc7.up') return 'fc7';
  return layer === 'fc8' ? 'scores' : null;
}
