import { describe, expect, test } from 'vitest';
import { normaliseL2, POOLS, poolMap, rmacRegions } from '../../core/descriptors.ts';
import { noise } from './noise.ts';

const CHANNELS = 5;
const SIDE = 7;

/** [5, 7, 7], values 0…255, every third 0 as after a ReLU. */
const map = Float32Array.from(noise(CHANNELS * SIDE * SIDE, 3), (value) => (value % 3 === 0 ? 0 : value));

const channel = (index: number): number[] => Array.from(map.subarray(index * 49, (index + 1) * 49));

describe('pooling over the feature map', () => {
  test.each([
    ['avg', (values: number[]) => values.reduce((sum, value) => sum + value, 0) / 49],
    ['max', (values: number[]) => Math.max(...values)],
    ['gem', (values: number[]) => (values.reduce((sum, value) => sum + value ** 3, 0) / 49) ** (1 / 3)],
  ] as const)('%s takes each channel by its formula', (pool, formula) => {
    const pooled = poolMap(map, pool);
    expect(pooled).toHaveLength(CHANNELS);
    pooled.forEach((value, index) => {
      expect(value).toBeCloseTo(formula(channel(index)), 3);
    });
  });

  test('none is the map itself', () => {
    expect(poolMap(map, 'none')).toEqual(map);
  });

  test('gem lies between avg and max', () => {
    const [avg, gem, max] = (['avg', 'gem', 'max'] as const).map((pool) => poolMap(map, pool));
    gem?.forEach((value, index) => {
      expect(value).toBeGreaterThan(avg?.[index] ?? Infinity);
      expect(value).toBeLessThan(max?.[index] ?? -Infinity);
    });
  });

  test('rmac has 1 + 4 + 9 regions that cover a 7×7 map', () => {
    const regions = rmacRegions(SIDE);
    expect(regions.map(({ side }) => side)).toEqual([7, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3]);
    for (const { top, left, side } of regions) {
      expect(Math.max(top, left) + side).toBeLessThanOrEqual(SIDE);
    }
    expect(regions.slice(5).map(({ top, left }) => [top, left])).toEqual(
      [0, 2, 4].flatMap((top) => [0, 2, 4].map((left) => [top, left])),
    );
  });

  test('rmac sums the normalised maxima of the regions', () => {
    const expected = new Float64Array(CHANNELS);
    for (const { top, left, side } of rmacRegions(SIDE)) {
      const maxima = Array.from({ length: CHANNELS }, (_, index) =>
        Math.max(
          ...channel(index).filter((_value, position) => {
            const row = Math.floor(position / SIDE);
            const column = position % SIDE;
            return row >= top && row < top + side && column >= left && column < left + side;
          }),
        ),
      );
      const length = Math.hypot(...maxima);
      maxima.forEach((value, index) => {
        expected[index] = (expected[index] ?? 0) + value / length;
      });
    }
    poolMap(map, 'rmac').forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index] ?? 0, 5);
    });
  });

  test.each(POOLS)('%s of a map of zeros is zeros', (pool) => {
    expect(poolMap(new Float32Array(98), pool).every((value) => value === 0)).toBe(true);
  });
});

describe('normaliseL2', () => {
  test('gives length 1 and keeps the direction', () => {
    const unit = normaliseL2(Float32Array.of(3, 0, 4));
    expect(Array.from(unit)).toEqual([3, 0, 4].map((value) => Math.fround(value / 5)));
  });

  test('keeps values whose squares leave float32', () => {
    expect(Array.from(normaliseL2(Float32Array.of(3e30, 4e30)), (value) => value.toFixed(3))).toEqual([
      '0.600',
      '0.800',
    ]);
  });

  test('leaves a vector of zeros, and does not change its argument', () => {
    const zeros = new Float32Array(3);
    expect(normaliseL2(zeros)).toEqual(zeros);
    const vector = Float32Array.of(2, 0);
    normaliseL2(vector);
    expect(vector[0]).toBe(2);
  });
});
