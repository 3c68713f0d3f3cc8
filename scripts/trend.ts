// Whether a figure that was sampled while a server worked has stayed where it was: what `npm run load` says of
// memory.

/** By how much of itself a figure may be higher in the last third than in the first. */
export const MAX_GROWTH = 0.1;
/** The part of the samples that are left out at the start: allocators and compilers reach their size. */
const WARM_UP = 0.2;

export interface Trend {
  /** Medians of the first and the last third after the warm-up, in the samples' unit. */
  readonly first: number;
  readonly last: number;
  readonly most: number;
  /** The line through all samples after the warm-up (least squares), per sample. */
  readonly slope: number;
  readonly isFlat: boolean;
}

/** `samples` at equal distances in time, at least three. Throws TypeError for fewer. */
export function trendOf(samples: readonly number[]): Trend {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP));
  const third = Math.floor(warm.length / 3);
  if (third < 1) throw new TypeError(`Expected at least three samples but found ${samples.length}.`);
  const [first, last] = [median(warm.slice(0, third)), median(warm.slice(-third))];
  return {
    first,
    last,
    most: Math.max(...samples),
    slope: slopeOf(warm),
    isFlat: last <= first * (1 + MAX_GROWTH),
  };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Of the line with the least squares through values at equal distances, per value; 0 for one value. */
export function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const products = values.map((value, at) => (at - middle) * (value - mean));
  const squares = values.map((_, at) => (at - middle) ** 2);
  const sum = (all: readonly number[]) => all.reduce((total, each) => total + each, 0);
  return sum(squares) === 0 ? 0 : sum(products) / sum(squares);
}
