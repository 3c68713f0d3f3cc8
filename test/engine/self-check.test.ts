// What counts as wrong numbers: for int8 any other bit, for floats another direction.

import { describe, expect, test } from 'vitest';
import type { Engine, ImageBatch } from '../../core/ports.ts';
import { checkEngine, expectedTaps } from '../../engine/self-check.ts';

const CROP = 32;
const WIDTH = 48;

/** Means of WIDTH stretches of each picture: an engine whose values hang on every pixel. */
function means({ images, data }: ImageBatch): Float32Array {
  const stretch = data.length / images / WIDTH;
  return Float32Array.from({ length: images * WIDTH }, (_, index) => {
    const part = data.subarray(index * stretch, (index + 1) * stretch);
    return part.reduce((sum, value) => sum + value, 0) / stretch;
  });
}

function engineOf(
  precision: Engine['precision'],
  spoil: (values: Float32Array, images: number) => Float32Array = (values) => values,
): Engine {
  return {
    name: 'fake',
    precision,
    run: async (batch) => ({
      outputs: { features: spoil(means(batch), batch.images) },
      times: { backbone: 1, head: 0 },
    }),
    memoryBytes: () => 0,
    dispose: async () => undefined,
  };
}

const expected = await expectedTaps(engineOf('int8'), CROP, ['features']);

/** Changes one value in a hundred by a level of 255. */
const level = (values: Float32Array) =>
  values.map((value, index) => (index % 100 === 7 ? value + 1 / 255 : value));

/** The second picture's values for the first as well. */
const firstTwice = (values: Float32Array) => {
  values.copyWithin(WIDTH, 0, WIDTH);
  return values;
};

describe('int8', () => {
  test('the same bits pass', async () => {
    await expect(checkEngine(engineOf('int8'), expected)).resolves.toBe('the same bits as the edge');
  });

  test.each([
    [
      'a value in a hundred differs by a level, which no cosine shows',
      level,
      /1 of 144 values|2 of 144 values/,
    ],
    [
      'the largest value is cut, as by saturation',
      (values: Float32Array) => clipLargest(values),
      /1 of 144 values/,
    ],
    ['pictures of a batch are mixed up', firstTwice, /of 144 values differ/],
    ['NaN', (values: Float32Array) => values.fill(Number.NaN), /144 of 144/],
    ['values are missing', (values: Float32Array) => values.slice(1), /Expected 144 values .* but found 143/],
  ])('%s: refused', async (_, spoil, message) => {
    await expect(checkEngine(engineOf('int8', spoil), expected)).rejects.toMatchObject({
      name: 'ModelError',
      code: 'engine_failed',
      message: expect.stringMatching(message),
    });
  });
});

describe.each(['fp16', 'fp32'] as const)('%s', (precision) => {
  test('a small difference everywhere passes, and is told', async () => {
    const rounded = engineOf(precision, (values) =>
      values.map((value) => value * (1 + 1e-3 * Math.sin(value))),
    );
    await expect(checkEngine(rounded, expected)).resolves.toMatch(/^cosine (0\.9999\d|1\.00000) with int8$/);
  });

  test('levels of int8 are no reason to refuse', async () => {
    await expect(checkEngine(engineOf(precision, level), expected)).resolves.toMatch('cosine');
  });

  test.each([
    ['another order of values', (values: Float32Array) => values.toReversed()],
    ['one NaN', (values: Float32Array) => values.map((value, index) => (index === 3 ? Number.NaN : value))],
    [
      'infinite where fp16 overflows',
      (values: Float32Array) => values.map((value) => (value > 150 ? Infinity : value)),
    ],
    ['only zeros', (values: Float32Array) => values.fill(0)],
    [
      'the right values for the first picture of a batch only',
      (values: Float32Array) => values.fill(0, WIDTH),
    ],
    ['nothing', () => new Float32Array()],
  ])('%s: refused', async (_, spoil) => {
    await expect(checkEngine(engineOf(precision, spoil), expected)).rejects.toMatchObject({
      code: 'engine_failed',
    });
  });
});

function clipLargest(values: Float32Array): Float32Array {
  const largest = values.indexOf(Math.max(...values));
  return values.map((value, index) => (index === largest ? value - 0.5 : value));
}
