// Ways to choose the range of an activation from its histogram, and a range as uint8 levels. Clipping rare
// large values makes the steps between all others finer; which way pays is measured by calibrate.ts.

import { largestLevel } from '../core/manifest.ts';
import type { Histogram } from './histogram.ts';
import type { InputContract, Levels } from './network.ts';

/** The candidates, mildest first. */
export const RANGE_METHODS = [
  'min-max',
  'percentile-99.999',
  'percentile-99.99',
  'percentile-99.9',
  'mse',
] as const;
export type RangeMethod = (typeof RANGE_METHODS)[number];

export interface Range {
  /** ≤ 0 */
  readonly low: number;
  /** ≥ 0 */
  readonly high: number;
}

/** How much of the full range the MSE search tries, in steps. */
const MSE_STEPS = 128;

export function chooseRange(histogram: Histogram, method: RangeMethod): Range {
  const { min, max } = histogram;
  if (method === 'min-max') return { low: min, high: max };
  if (method === 'mse') return smallestError(histogram);
  const kept = Number(method.slice('percentile-'.length)) / 100;
  return {
    low: -Math.min(quantile(histogram.negative, histogram, kept), -min),
    high: Math.min(quantile(histogram.positive, histogram, kept), max),
  };
}

/** The magnitude that all but (1 − kept) of all values stay below on this side. */
function quantile(bins: Float64Array, { total, binWidth }: Histogram, kept: number): number {
  let allowed = total * (1 - kept);
  for (let bin = bins.length - 1; bin >= 0; bin -= 1) {
    allowed -= bins[bin] ?? 0;
    if (allowed < 0) return (bin + 1) * binWidth;
  }
  return 0;
}

function smallestError(histogram: Histogram): Range {
  const { min, max } = histogram;
  let best = { low: min, high: max };
  let least = Number.POSITIVE_INFINITY;
  for (let step = MSE_STEPS; step > 0; step -= 1) {
    const range = { low: (min * step) / MSE_STEPS, high: (max * step) / MSE_STEPS };
    const error = squaredError(histogram, range);
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

/** Sum of squared errors of rounding (Δ²/12 each) and of clipping. */
function squaredError({ positive, negative, binWidth }: Histogram, { low, high }: Range): number {
  const rounding = ((high - low) / 255) ** 2 / 12;
  let sum = 0;
  for (const [bins, end] of [[positive, high] as const, [negative, -low] as const]) {
    // Zeros are exact: the zero point stands for them.
    for (let bin = 1; bin < bins.length; bin += 1) {
      const count = bins[bin] ?? 0;
      if (count === 0) continue;
      const beyond = Math.max((bin + 0.5) * binWidth - end, 0);
      sum += count * (beyond > 0 ? beyond ** 2 : rounding);
    }
  }
  return sum;
}

/** 256 levels over the range; the scale is a float32 value. An activation that is always 0 gets scale 1. */
export function byteLevels({ low, high }: Range): Levels {
  const scale = Math.fround((high - low) / 255);
  if (!(scale > 0)) return { scale: 1, zeroPoint: 0, lowest: 0, highest: 255 };
  return { scale, zeroPoint: Math.min(Math.round(Math.abs(low) / scale), 255), lowest: 0, highest: 255 };
}

/** As many levels on both sides of zero as the product with `inputs` weights allows. */
export function wideLevels({ low, high }: Range, inputs: number): Levels {
  const highest = largestLevel(inputs);
  const scale = Math.fround(Math.max(-low, high) / highest);
  return { scale: scale > 0 ? scale : 1, zeroPoint: 0, lowest: -highest, highest };
}

/** The range of normalised pixels follows from the contract. */
export function pixelLevels({ mean, deviation }: InputContract): Levels {
  const ends = mean.map((value, channel) => ({
    low: -value / (deviation[channel] ?? 1),
    high: (1 - value) / (deviation[channel] ?? 1),
  }));
  return byteLevels({
    low: Math.min(0, ...ends.map(({ low }) => low)),
    high: Math.max(0, ...ends.map(({ high }) => high)),
  });
}
