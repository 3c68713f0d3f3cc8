// The quantised convolutions → ONNX nodes in QOperator form, for the edge: pixels → features. The linear layers
// behind them are head-graph.ts's.

import { featuresDim, POOLED_SIDE } from '../core/family.ts';
import { adaptiveAveragePool } from './adaptive-pool.ts';
import { BATCH, type Graph, GraphBuilder } from './graph.ts';
import { channelsFirst, normalisedPixels } from './graph-input.ts';
import { toLevels } from './level-digits.ts';
import type { QuantisedConvolution, QuantisedNetwork } from './network.ts';

/** `pixels` uint8 [images, crop, crop, 3] → `features` float32 [images, channels × 49]. */
export function int8Backbone(network: QuantisedNetwork): Graph {
  const builder = new GraphBuilder('backbone');
  const normalised = normalisedPixels(builder, network.input);
  const first = network.convolutions[0];
  const levels = first === undefined ? undefined : toLevels(builder, normalised, 'pixels', first.input);
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
