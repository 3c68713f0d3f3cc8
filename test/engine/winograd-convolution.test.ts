// The kernel's convolution by each algorithm against its definition, and the bounds within which each is
// exact, from both sides.

import { describe, expect, test } from 'vitest';
import { type Algorithm, fastestAlgorithm, isExact, mostParts } from '../../engine/winograd/algorithm.ts';
import { createRandom } from '../../model-build/random.ts';
import {
  allChannels,
  type ConvolutionCase,
  convolveByKernel,
  convolveNaively,
} from './winograd-convolution.ts';
import { winogradKernel } from './winograd-kernel.ts';

const kernel = winogradKernel();

type Shape = Pick<ConvolutionCase, 'images' | 'size' | 'inputChannels' | 'outputChannels' | 'pool'>;

function randomCase(shape: Shape, seed: number): ConvolutionCase {
  const random = createRandom(seed);
  const { images, size, inputChannels, outputChannels } = shape;
  const spread = 73 * 128 * Math.sqrt(inputChannels * 9);
  return {
    ...shape,
    input: Uint8Array.from({ length: images * size * size * inputChannels }, () => random() * 256),
    weights: Int8Array.from({ length: outputChannels * inputChannels * 9 }, () => random() * 256 - 128),
    bias: Int32Array.from({ length: outputChannels }, () => (random() - 0.3) * spread),
    scale: Float32Array.from({ length: outputChannels }, () => (100 / spread) * (0.5 + random())),
  };
}

describe.each<Algorithm>(['winograd4', 'winograd2', 'direct'])('%s', (algorithm) => {
  test.each<[string, Shape]>([
    ['whole tiles', { images: 1, size: 8, inputChannels: 16, outputChannels: 8, pool: false }],
    ['whole tiles, pooled', { images: 1, size: 8, inputChannels: 8, outputChannels: 16, pool: true }],
    ['a rest of 1', { images: 1, size: 9, inputChannels: 8, outputChannels: 8, pool: false }],
    ['a rest of 2', { images: 1, size: 14, inputChannels: 8, outputChannels: 8, pool: false }],
    ['a rest of 3, pooled', { images: 1, size: 7, inputChannels: 8, outputChannels: 8, pool: true }],
    ['one pixel', { images: 1, size: 1, inputChannels: 8, outputChannels: 8, pool: false }],
    ['two pixels, pooled to one', { images: 1, size: 2, inputChannels: 8, outputChannels: 8, pool: true }],
    [
      'channels that fill no vector',
      { images: 1, size: 6, inputChannels: 3, outputChannels: 5, pool: false },
    ],
    ['more than a panel', { images: 1, size: 5, inputChannels: 9, outputChannels: 71, pool: false }],
    ['more than a block', { images: 1, size: 36, inputChannels: 8, outputChannels: 8, pool: true }],
    ['more than a group', { images: 1, size: 96, inputChannels: 128, outputChannels: 4, pool: false }],
    ['several images', { images: 3, size: 10, inputChannels: 8, outputChannels: 8, pool: true }],
  ])('is the convolution: %s', async (_, shape) => {
    const given = randomCase(shape, 11);
    const part = allChannels(algorithm, shape.inputChannels);
    expect(await convolveByKernel(kernel, algorithm, part, given)).toEqual(convolveNaively(given));
  });
});

test.each<[Algorithm, number]>([
  ['winograd4', 8],
  ['winograd4', 24],
  ['winograd2', 16],
])('%s in parts of %i channels is the convolution', async (algorithm, part) => {
  const given = randomCase({ images: 1, size: 6, inputChannels: 40, outputChannels: 12, pool: false }, 4);
  expect(await convolveByKernel(kernel, algorithm, part, given)).toEqual(convolveNaively(given));
});

/** A map of 255s in which the first channel's inner sums are ±255 × `sum` and its bias leaves 100. */
function extremeCase(inputChannels: number, sum: number, sign: 1 | -1): ConvolutionCase {
  const weights = new Int8Array(inputChannels * 9);
  let rest = sum;
  weights.forEach((_, index) => {
    const taken = Math.min(rest, 127);
    rest -= taken;
    weights[index] = sign * taken;
  });
  return {
    ...{ images: 1, size: 4, inputChannels, outputChannels: 1, pool: false },
    input: new Uint8Array(16 * inputChannels).fill(255),
    weights,
    bias: Int32Array.of(100 - sign * 255 * sum),
    scale: Float32Array.of(1),
  };
}

describe('the bound is exact', () => {
  /** The largest sum of weights whose product with 255 is below the limit; the next is beyond. */
  const cases: [Algorithm, number, number][] = [
    ['winograd4', 2 ** 25, 120],
    ['winograd2', 2 ** 29, 1848],
  ];
  test.each(cases)('%s below %i: the convolution', async (algorithm, limit, channels) => {
    const sum = Math.ceil(limit / 255) - 1;
    expect(isExact(algorithm, sum)).toBe(true);
    for (const sign of [1, -1] as const) {
      const given = extremeCase(channels, sum, sign);
      const found = await convolveByKernel(kernel, algorithm, channels, given);
      expect(found).toEqual(convolveNaively(given));
      expect(found[5]).toBe(100);
    }
  });

  test.each(cases)(
    '%s at or above %i: another number, unless summed in parts',
    async (algorithm, limit, channels) => {
      const sum = Math.ceil(limit / 255);
      expect(isExact(algorithm, sum)).toBe(false);
      const given = extremeCase(channels, sum, 1);
      expect((await convolveByKernel(kernel, algorithm, channels, given))[5]).not.toBe(100);
      const half = Math.ceil(channels / 16) * 8;
      expect(await convolveByKernel(kernel, algorithm, half, given)).toEqual(convolveNaively(given));
    },
  );

  test('direct has none', () => {
    expect(isExact('direct', Number.MAX_SAFE_INTEGER)).toBe(true);
  });
});

test.each<[Algorithm, number, number]>([
  ['winograd4', 112, 1],
  ['winograd4', 120, 2],
  ['winograd4', 512, 5],
  ['winograd2', 512, 1],
  ['winograd2', 4096, 3],
  ['direct', 4096, 1],
])('%s of %i channels needs at most %i parts', (algorithm, channels, parts) => {
  expect(mostParts(algorithm, channels)).toBe(parts);
});

test.each<[number, number, Algorithm]>([
  [224, 1, 'winograd4'],
  [28, 1, 'winograd4'],
  [14, 1, 'winograd4'],
  [3, 1, 'winograd2'],
  [2, 64, 'winograd2'],
  [2, 1, 'direct'],
])('maps of %i pixels, %i images: %s', (size, images, algorithm) => {
  expect(fastestAlgorithm(size, images)).toBe(algorithm);
});
