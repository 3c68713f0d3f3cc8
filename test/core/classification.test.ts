import { describe, expect, test } from 'vitest';
import { softmax, topClasses } from '../../core/classification.ts';

describe('softmax', () => {
  test('of 0 and ln 3 is a quarter and three quarters', () => {
    expect(Array.from(softmax(Float32Array.of(0, Math.log(3))), (value) => value.toFixed(6))).toEqual([
      '0.250000',
      '0.750000',
    ]);
  });

  test('sums to 1 where exponentials overflow', () => {
    const probabilities = softmax(Float32Array.of(1000, 999, -1000));
    expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
    expect(probabilities[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
  });
});

test('the classes of the largest logits come first, of equal ones the lower', () => {
  const ranked = topClasses(Float32Array.of(1, 3, 2, 3, -1), 3);
  expect(ranked.map((entry) => [entry.class, entry.logit])).toEqual([
    [1, 3],
    [3, 3],
    [2, 2],
  ]);
  expect(ranked[0]?.probability).toBe(ranked[1]?.probability);
});
