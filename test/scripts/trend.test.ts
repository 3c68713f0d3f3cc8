// Whether memory under load is judged as it should be.

import { describe, expect, test } from 'vitest';
import { trendOf } from '../../scripts/trend.ts';

const samples = (value: (at: number) => number) => Array.from({ length: 100 }, (_, at) => value(at));

describe('flat', () => {
  test.each([
    ['what stays', samples(() => 100), 0],
    ['what swings as garbage comes and goes', samples((at) => 100 + (at % 7)), 0],
    ['what grows in the first fifth and stays', samples((at) => 100 + 5 * Math.min(at, 19)), 0],
    ['what shrinks', samples((at) => 200 - at), -1],
    ['one that grows by less than a tenth', samples((at) => 1000 + at), 1],
  ])('%s', (_, values, slope) => {
    const trend = trendOf(values);
    expect(trend.isFlat).toBe(true);
    expect(trend.slope).toBeCloseTo(slope, 1);
    expect(trend.most).toBe(Math.max(...values));
  });
});

describe('grows', () => {
  test.each([
    ['a little with every sample', samples((at) => 100 + 0.5 * at)],
    ['in steps', samples((at) => 100 + 25 * Math.floor(at / 30))],
    ['late', samples((at) => (at < 80 ? 100 : 130))],
  ])('%s', (_, values) => {
    expect(trendOf(values).isFlat).toBe(false);
  });
});

test('too few samples are no trend', () => {
  expect(() => trendOf([1, 2])).toThrow('at least three samples but found 2');
});
