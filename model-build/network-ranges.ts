// A range for every activation of a network, and the levels they become.

import { POOLED_SIDE } from '../core/family.ts';
import { activationNames } from './activations.ts';
import type { NetworkLevels } from './float-graph.ts';
import type { FloatNetwork } from './network.ts';
import {
  byteLevels,
  chooseRange,
  type Observed,
  pixelLevels,
  type Range,
  type RangeMethod,
  wideLevels,
} from './ranges.ts';

/** The range of each activation, as activations.ts names them. */
export interface NetworkRanges {
  readonly convolutions: readonly Range[];
  readonly linears: readonly Range[];
}

export function rangesBy(
  method: RangeMethod,
  network: FloatNetwork,
  observed: ReadonlyMap<string, Observed>,
): NetworkRanges {
  const names = activationNames(network);
  const range = (name: string, by: RangeMethod): Range => {
    const values = observed.get(name);
    return values === undefined ? { low: 0, high: 0 } : chooseRange(values, by);
  };
  return {
    convolutions: names.convolutions.map((name) => range(name, method)),
    // Where levels abound, clipping would cost and save nothing.
    linears: names.linears.map((name, index) => range(name, isWide(index) ? 'min-max' : method)),
  };
}

/**
 * Every linear layer but the first gets more than 256 levels: their rounding costs most (that of a factorised
 * layer's second factor above all), and our kernel multiplies 16-bit levels anyway. The first one's input has
 * the backbone's levels.
 */
function isWide(index: number): boolean {
  return index > 0;
}

/** Whether the adaptive pool changes the last map: the classifier's input then has levels of its own. */
export function hasPooledFeatures({ convolutions }: FloatNetwork): boolean {
  const last = convolutions.at(-1)?.shape;
  return last === undefined || Math.floor(last.size / 2 ** last.pools) !== POOLED_SIDE;
}

export function networkLevels(
  network: FloatNetwork,
  { convolutions, linears }: NetworkRanges,
): NetworkLevels {
  const outputs = convolutions.map(byteLevels);
  const pooled = hasPooledFeatures(network);
  return {
    pixels: pixelLevels(network.input),
    convolutions: outputs,
    linears: linears.map((range, index) => {
      // Without an adaptive pool between them, the classifier's input has the backbone's levels already.
      const features = outputs.at(-1);
      if (index === 0 && !pooled && features !== undefined) return features;
      const inputs = network.linears[index]?.shape.inputs ?? 1;
      return isWide(index) ? wideLevels(range, inputs) : byteLevels(range);
    }),
  };
}
