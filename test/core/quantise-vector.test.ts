// Vectors as int8 and as bits: the documented scaling, and what it costs.

import { describe, expect, test } from 'vitest';
import { fromInt8, toBinary, toInt8 } from '../../core/quantise-vector.ts';
import { noise } from './noise.ts';

const vector = (...values: number[]) => Float32Array.from(values);

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) =>
    x.reduce((sum, value, index) => sum + value * (y[index] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe('int8', () => {
  test.each([
    [vector(1, -1, 0, 0.5), [127, -127, 0, 64], 1 / 127],
    [vector(-254, 127, 1, -1), [-127, 64, 1, -1], 2],
    [vector(0, 0), [0, 0], 0],
    [vector(1e-30, -5e-31), [127, -64], 1e-30 / 127],
  ])('%o', (input, values, scale) => {
    const result = toInt8(input);
    expect([...result.values]).toEqual(values);
    expect(result.scale).toBeCloseTo(scale, 12);
  });

  test('the error is at most half a step', () => {
    const input = Float32Array.from(noise(1000, 1), (byte) => byte / 255 - 0.5);
    const quantised = toInt8(input);
    const back = fromInt8(quantised);
    const worst = Math.max(...input.map((value, index) => Math.abs(value - (back[index] ?? 0))));
    expect(worst).toBeLessThanOrEqual(quantised.scale / 2 + 1e-7);
    expect(cosine(input, back)).toBeGreaterThan(0.9999);
  });
});

describe('binary', () => {
  test.each([
    ['signs, where the mean is 0', vector(1, -1, 1, -1, -1, 1, 1, -1), [0b10100110]],
    ['above the mean, where nothing is negative', vector(0, 0, 9, 1), [0b00100000]],
    ['the last byte is padded with 0', vector(1, 0, 1, 0, 1, 0, 1, 0, 1), [0b10101010, 0b10000000]],
    ['a constant vector', vector(2, 2, 2), [0]],
  ])('%s', (_, input, bytes) => {
    expect([...toBinary(input)]).toEqual(bytes);
  });
});
