// The quantised network → ONNX nodes in QOperator form, for the edge: backbone (pixels → features) and
// head (features → fc6, fc7, scores).

import { featureChannels, featuresDim, POOLED_SIDE } from '../core/family.ts';
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
  let output: Levels = { scale: 1, zeroPoint: 0 };
  for (const convolution of network.convolutions) {
    value = convolve(builder, value, convolution);
    for (let pool = 1; pool <= convolution.shape.pools; pool += 1) {
      const name = `${convolution.shape.name}.pool${pool}`;
      value = builder.node('MaxPool', [value], name, { kernel_shape: [2, 2], strides: [2, 2] });
      side = Math.floor(side / 2);
    }
    output = convolution.output;
  }
  if (side === POOLED_SIDE) {
    const scale = builder.scalar('features.scale', 'float32', output.scale);
    value = builder.node('DequantizeLinear', [value, scale], 'features.map');
  } else {
    const real = builder.node('Cast', [value], 'features.levels', { to: 1 });
    value = adaptiveAveragePool(builder, real, side, output.scale);
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
 * W int8 [out, in] × x uint8 [in, images]: in this order the engine reads W in its stored order and
 * needs no rearranged copy.
 */
function multiply(builder: GraphBuilder, value: string, linear: QuantisedLinear): string {
  const { shape, weight, scale, bias, input } = linear;
  const { name, inputs, outputs } = shape;
  const levels = quantise(builder, value, name, input);
  const columns = builder.node('Transpose', [levels], `${name}.columns`, { perm: [1, 0] });
  const products = rowPieces(name, outputs, inputs, 1).map((piece) => {
    const rows = weight.subarray(piece.start * inputs, (piece.start + piece.rows) * inputs);
    const matrix = builder.weight(piece.name, [piece.rows, inputs], rows);
    const product = piece.name.replace('.weight', '.product');
    return builder.node('MatMulInteger', [matrix, columns, '', `${name}.input_zero_point`], product);
  });
  const [only = '', ...others] = products;
  const sums = others.length === 0 ? only : builder.node('Concat', products, `${name}.products`, { axis: 0 });
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

/** Depth of the 7×7 map that `features` flattens. */
export function featuresShape(network: QuantisedNetwork): [number, number, number] {
  return [featureChannels(network.configuration), POOLED_SIDE, POOLED_SIDE];
}
