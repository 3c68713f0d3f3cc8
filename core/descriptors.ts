// Taps → the vector that is stored and compared: pooling over the last feature map, then L2.

import { POOLED_SIDE } from './family.ts';

export const POOLS = ['none', 'avg', 'max', 'gem', 'rmac'] as const;

/**
 * How the feature map [channels, 7, 7] becomes a vector:
 * - `none`: flattened as it is, 25088 values for 512 channels
 * - `avg`, `max`: mean or maximum per channel
 * - `gem`: generalised mean per channel with p = 3 (Radenović et al. 2018, arXiv:1711.02512)
 * - `rmac`: regional maxima at three scales, each L2-normalised, summed (Tolias et al. 2016, arXiv:1511.05879)
 */
export type Pool = (typeof POOLS)[number];

/** Nothing is below 0 for the generalised mean. A product takes a tenth of the time of `**`. */
const cube = (value: number): number => (value > 0 ? value * value * value : 0);
const RMAC_SCALES = 3;

/** Pools `map`, float32 [channels, side, side], to [channels]; `none` gives the map itself. */
export function poolMap(map: Float32Array, pool: Pool, side: number = POOLED_SIDE): Float32Array {
  switch (pool) {
    case 'none':
      return map;
    case 'avg':
      return channelMeans(map, side, false);
    case 'max':
      return regionMaxima(map, side, { top: 0, left: 0, side });
    case 'gem':
      return channelMeans(map, side, true);
    case 'rmac':
      return regionalMaxima(map, side);
  }
}

/**
 * The vector at Euclidean length 1; a vector of zeros stays one. By index: an iterator leaves an object behind for
 * every value, until it is compiled in full.
 */
export function normaliseL2(vector: Float32Array): Float32Array {
  let squares = 0;
  for (let place = 0; place < vector.length; place += 1) {
    const value = vector[place] ?? 0;
    squares += value * value;
  }
  const length = Math.sqrt(squares);
  const result = vector.slice();
  if (length === 0) return result;
  for (let place = 0; place < result.length; place += 1) result[place] = (result[place] ?? 0) / length;
  return result;
}

interface Region {
  readonly top: number;
  readonly left: number;
  readonly side: number;
}

/** Of each channel's values, or of their cubes and the cube root of that. */
function channelMeans(map: Float32Array, side: number, cubed: boolean): Float32Array {
  const count = side * side;
  const means = new Float32Array(map.length / count);
  let place = 0;
  for (let channel = 0; channel < means.length; channel += 1) {
    let sum = 0;
    for (let cell = 0; cell < count; cell += 1, place += 1) {
      const value = map[place] ?? 0;
      sum += cubed ? cube(value) : value;
    }
    means[channel] = cubed ? Math.cbrt(sum / count) : sum / count;
  }
  return means;
}

function regionMaxima(map: Float32Array, side: number, region: Region): Float32Array {
  const count = side * side;
  const maxima = new Float32Array(map.length / count);
  for (let channel = 0; channel < maxima.length; channel += 1) {
    let maximum = -Infinity;
    for (let row = region.top; row < region.top + region.side; row += 1) {
      const start = channel * count + row * side + region.left;
      for (let place = start; place < start + region.side; place += 1) {
        maximum = Math.max(maximum, map[place] ?? -Infinity);
      }
    }
    maxima[channel] = maximum;
  }
  return maxima;
}

function regionalMaxima(map: Float32Array, side: number): Float32Array {
  const sum = new Float32Array(map.length / (side * side));
  for (const region of rmacRegions(side)) {
    normaliseL2(regionMaxima(map, side, region)).forEach((value, channel) => {
      sum[channel] = (sum[channel] ?? 0) + value;
    });
  }
  return sum;
}

/** At scale l, l × l squares of side 2·side / (l + 1), spread evenly: 1 + 4 + 9 on a 7×7 map. */
export function rmacRegions(side: number): Region[] {
  const regions: Region[] = [];
  for (let scale = 1; scale <= RMAC_SCALES; scale += 1) {
    const regionSide = Math.max(1, Math.floor((2 * side) / (scale + 1)));
    const step = scale === 1 ? 0 : (side - regionSide) / (scale - 1);
    for (let row = 0; row < scale; row += 1) {
      for (let column = 0; column < scale; column += 1) {
        regions.push({ top: Math.floor(row * step), left: Math.floor(column * step), side: regionSide });
      }
    }
  }
  return regions;
}
