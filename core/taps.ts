// The taps: the outputs of the network one can ask for, in the order the network computes them.

import { featureChannels, POOLED_SIDE, type VggConfiguration } from './family.ts';

export const TAPS = ['features', 'fc6', 'fc7', 'scores'] as const;

/**
 * - `features` 25088: the flattened 512×7×7 after the adaptive pool, before the classifier
 * - `fc6`, `fc7` 4096: after the ReLU of the first and second linear layer
 * - `scores` outputDim: logits
 */
export type Tap = (typeof TAPS)[number];

/** The shape of each tap of one image. */
export function tapShapes(configuration: VggConfiguration): Readonly<Record<Tap, readonly number[]>> {
  const { hiddenDim, outputDim } = configuration;
  return {
    features: [featureChannels(configuration), POOLED_SIDE, POOLED_SIDE],
    fc6: [hiddenDim],
    fc7: [hiddenDim],
    scores: [outputDim],
  };
}

/** The tap that a linear layer's output is: `fc6` of `fc6` or `fc6.up`, `scores` of `fc8`. */
export function tapOfLinear(name: string): Tap | undefined {
  if (name === 'fc6' || name === 'fc6.up') return 'fc6';
  if (name === 'fc7' || name === 'fc7.up') return 'fc7';
  return name === 'fc8' ? 'scores' : undefined;
}

/** Float32, row-major [images, width of the tap]. */
export type TapOutputs = Partial<Record<Tap, Float32Array>>;

/** Whether the tap needs the head (the classifier), or the backbone alone gives it. */
export function needsHead(tap: Tap): boolean {
  return tap !== 'features';
}
