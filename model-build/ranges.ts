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
  'relative-mse',
] as const;
export type RangeMethod = (typeof RANGE_METHODS)[number];

export interface Range {
  /** ≤ 0 */
  readonly low: number;
  /** ≥ 0 */
  readonly high: number;
}

/** An activation over the calibration images: all together, and each for itself. */
export interface Observed {
  readonly all: Histogram;
  readonly images: readonly Histogram[];
}

/** Ranges that the error searches try: each this much narrower than the one before, this many. */
const NARROWER = 0.95;
const STEPS = 160;

/** An image whose error passes this share of its energy is given up: freaks do not spoil the others. */
const LARGEST_RELATIVE_ERROR = 0.05;

/**
 * - `min-max`: everything seen
 * - `percentile-p`: all but (100 − p) % of the values
 * - `mse`: least squared error of rounding and clipping, over all values
 * - `relative-mse`: least mean over the images of the squared error ÷ the image's energy
 */
export function chooseRange({ all, images }: Observed, method: RangeMethod): Range {
  const { min, max } = all;
  switch (method) {
    case 'min-max':
      return { low: min, high: max };
    case 'mse':
      return narrowest({ low: min, high: max }, (range) => squaredError(all, range));
    case 'relative-mse': {
      const energies = images.map(energy);
      return narrowest({ low: min, high: max }, (range) =>
        images.reduce((sum, image, index) => sum + relative(squaredError(image, range), energies[index]), 0),
      );
    }
    default: {
      const kept = Number(method.slice('percentile-'.length)) / 100;
      return {
        low: -Math.min(quantile(all.negative, all, kept), -min),
        high: Math.min(quantile(all.positive, all, kept), max),
      };
    }
  }
}

function relative(error: number, whole: number | undefined): number {
  return whole === undefined || whole === 0 ? 0 : Math.min(error / whole, LARGEST_RELATIVE_ERROR);
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

/** The range of least error among ever narrower ones; of equals, the widest. */
function narrowest(full: Range, errorOf: (range: Range) => number): Range {
  let best = full;
  let least = Number.POSITIVE_INFINITY;
  for (let step = 0; step < STEPS; step += 1) {
    const range = { low: full.low * NARROWER ** step, high: full.high * NARROWER ** step };
    const error = errorOf(range);
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

/** Sum of squared errors of rounding to 256 levels (Δ²/12 each; below Δ/2 the value itself) and clipping. */
function squaredError({ positive, negative, binWidth }: Histogram, { low, high }: Range): number {
  const step = (high - low) / 255;
  const rounding = step ** 2 / 12;
  let sum = 0;
  for (const [bins, end] of [[positive, high] as const, [negative, -low] as const]) {
    for (let bin = 0; bin < bins.length; bin += 1) {
      const count = bins[bin] ?? 0;
      if (count === 0) continue;
      const value = (bin + 0.5) * binWidth;
      if (value > end) sum += count * (value - end) ** 2;
      else sum += count * (value < step / 2 ? value ** 2 : rounding);
    }
  }
  return sum;
}

function energy({ positive, negative, binWidth }: Histogram): number {
  let sum = 0;
  for (const bins of [positive, negative]) {
    bins.forEach((count, bin) => {
      sum += count * ((bin + 0.5) * binWidth) ** 2;
    });
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
