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

const GEM_POWER = 3;
const RMAC_SCALES = 3;

/** Pools `map`, float32 [channels, side, side], to [channels]; `none` gives the map itself. */
export function poolMap(map: Float32Array, pool: Pool, side: number = POOLED_SIDE): Float32Array {
  switch (pool) {
    case 'none':
      return map;
    case 'avg':
      return perChannel(
        map,
        side,
        (sum, value) => sum + value,
        (sum, count) => sum / count,
      );
    case 'max':
      return regionMaxima(map, side, { top: 0, left: 0, side });
    case 'gem':
      return perChannel(
        map,
        side,
        (sum, value) => sum + Math.max(value, 0) ** GEM_POWER,
        (sum, count) => Math.cbrt(sum / count),
      );
    case 'rmac':
      return regionalMaxima(map, side);
  }
}

/** The vector at Euclidean length 1; a vector of zeros stays one. */
export function normaliseL2(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  return length === 0 ? vector.slice() : vector.map((value) => value / length);
}

interface Region {
  readonly top: number;
  readonly left: number;
  readonly side: number;
}

function perChannel(
  map: Float32Array,
  side: number,
  add: (sum: number, value: number) => number,
  finish: (sum: number, count: number) => number,
): Float32Array {
  const count = side * side;
  return Float32Array.from({ length: map.length / count }, (_, channel) =>
    finish(map.subarray(channel * count, (channel + 1) * count).reduce(add, 0), count),
  );
}

function regionMaxima(map: Float32Array, side: number, region: Region): Float32Array {
  const count = side * side;
  const maxima = new Float32Array(map.length / count).fill(-Infinity);
  maxima.forEach((_, channel) => {
    let maximum = -Infinity;
    for (let row = region.top; row < region.top + region.side; row += 1) {
      const start = channel * count + row * side + region.left;
      for (const value of map.subarray(start, start + region.side)) maximum = Math.max(maximum, value);
    }
    maxima[channel] = maximum;
  });
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
