// Small networks for the tests of the model build.

import { customConfiguration } from '../../core/family.ts';
import { kaimingNetwork } from '../../model-build/init.ts';
import { type FloatNetwork, TORCHVISION_INPUT } from '../../model-build/network.ts';

interface SmallOptions {
  readonly crop?: number;
  readonly rank?: number;
  readonly seed?: number;
}

/** Four convolutions, three pools, a classifier of 16 and 5. */
export function smallNetwork({ crop = 56, rank, seed = 1 }: SmallOptions = {}): FloatNetwork {
  const ranks = rank === undefined ? {} : { fc6Rank: rank, fc7Rank: rank };
  const configuration = customConfiguration([4, 'M', 6, 'M', 8, 8, 'M'], false, {
    hiddenDim: 16,
    outputDim: 5,
    ...ranks,
  });
  return kaimingNetwork(configuration, { ...TORCHVISION_INPUT, resize: crop, crop }, seed);
}
