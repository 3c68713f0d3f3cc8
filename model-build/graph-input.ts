// The first nodes of every backbone graph: uint8 pixels → normalised float32, in a fixed order of
// operations (cast, ÷ 255, − mean, ÷ deviation), which our own kernel reproduces by a 256 × 3 table.

import { BATCH, type GraphBuilder } from './graph.ts';
import type { InputContract } from './network.ts';

/** Adds the input `pixels`, uint8 [images, crop, crop, 3]; returns float32 of the same shape. */
export function normalisedPixels(builder: GraphBuilder, { crop, mean, deviation }: InputContract): string {
  const pixels = builder.input('pixels', 'uint8', [BATCH, crop, crop, 3]);
  const real = builder.node('Cast', [pixels], 'pixels.real', { to: 1 });
  const unit = builder.node('Div', [real, builder.scalar('pixels.full', 'float32', 255)], 'pixels.unit');
  const means = builder.constant('pixels.mean', 'float32', [3], mean);
  const centred = builder.node('Sub', [unit, means], 'pixels.centred');
  const deviations = builder.constant('pixels.deviation', 'float32', [3], deviation);
  return builder.node('Div', [centred, deviations], 'pixels.normalised');
}

/** NHWC → NCHW. */
export function channelsFirst(builder: GraphBuilder, value: string): string {
  return builder.node('Transpose', [value], 'pixels.planes', { perm: [0, 3, 1, 2] });
}
