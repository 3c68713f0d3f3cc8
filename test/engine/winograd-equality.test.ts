// The convolutions of our own engine against onnxruntime-web's QLinearConv on the same model directory: the
// same bits, for every member of the family, odd sizes, any width and any weights.

import { describe, expect, test } from 'vitest';
import { type ConfigurationItem, customConfiguration, FAMILY, FAMILY_NAMES } from '../../core/family.ts';
import type { Engine } from '../../core/ports.ts';
import { TAPS } from '../../core/taps.ts';
import { createOrtWebEngine } from '../../engine/edge/engine.ts';
import { compileOrtWebWasm } from '../../engine/node/ort-web-wasm.ts';
import { loadBackbone } from '../../engine/winograd/backbone.ts';
import { createWinogradEngine } from '../../engine/winograd/engine.ts';
import type { QuantisedNetwork } from '../../model-build/network.ts';
import { noise } from '../core/noise.ts';
import { randomNetwork, writeTemporaryModel } from './random-network.ts';
import { winogradKernel } from './winograd-kernel.ts';

const wasm = await compileOrtWebWasm();
const kernel = winogradKernel();
const now = () => performance.now();

interface Options {
  readonly images?: number;
  readonly imagesPerPass?: number;
}

/** Values that differ between the engines, by tap; features must also say something. */
async function differences(network: QuantisedNetwork, { images = 1, ...options }: Options = {}) {
  await using model = await writeTemporaryModel(network);
  const { manifest, files } = model;
  const size = manifest.preprocess.crop;
  const batch = { images, size, data: noise(images * size * size * 3, 7) };
  const run = async (engine: Engine) => {
    const { outputs } = await engine.run(batch, TAPS);
    await engine.dispose();
    return outputs;
  };
  const expected = await run(createOrtWebEngine({ manifest, files, wasm, now }));
  const found = await run(createWinogradEngine({ manifest, files, kernel, now, ...options }));
  expect(new Set(expected.features).size).toBeGreaterThan(4);
  return Object.fromEntries(
    TAPS.map((tap) => {
      const values = expected[tap] ?? new Float32Array();
      expect(found[tap]).toHaveLength(values.length);
      return [tap, values.filter((value, index) => value !== found[tap]?.[index]).length];
    }),
  );
}

const NONE = { features: 0, fc6: 0, fc7: 0, scores: 0 };

const configure = (items: readonly ConfigurationItem[], ranks: { fc6Rank?: number } = {}) =>
  customConfiguration(items, false, { hiddenDim: 37, outputDim: 5, ...ranks });

/** No multiple of 8 or 4 among them. */
const NARROW: Readonly<Record<number, number>> = { 64: 13, 128: 22, 256: 27, 512: 35 };

describe('every member of the family, narrow', () => {
  test.each(FAMILY_NAMES)('%s', async (name) => {
    const items = FAMILY[name.replace('_bn', '')] ?? [];
    const narrow = items.map((item) => (item === 'M' ? item : (NARROW[item] ?? item)));
    const seed = FAMILY_NAMES.indexOf(name) + 1;
    expect(await differences(randomNetwork(configure(narrow), 96, seed), { images: 2 })).toEqual(NONE);
  });
});

describe('any shape', () => {
  test.each<[string, number, ConfigurationItem[]]>([
    ['the usual size', 224, [8, 'M', 8, 'M', 16, 16, 'M', 24, 'M', 24, 'M']],
    ['an odd size, pools rounding down', 225, [8, 'M', 9, 'M', 17, 'M', 8, 'M', 8, 'M']],
    ['sizes of every remainder', 95, [8, 'M', 8, 'M', 8, 'M', 8, 'M', 8]],
    ['the smallest that survives five pools', 32, [8, 'M', 16, 'M', 24, 'M', 32, 'M', 40, 'M']],
    ['a map of one pixel', 2, [8, 'M', 16, 40]],
    ['pools that follow one another', 64, [8, 'M', 'M', 16, 'M', 'M', 'M']],
    ['pools that follow one another, of odd maps', 63, [8, 'M', 'M', 'M', 16, 'M']],
    ['no pool at the end', 28, [8, 'M', 16, 24]],
    ['no pool at all', 7, [8, 16]],
    ['one convolution', 15, [9]],
    ['one channel', 20, [1, 'M', 1, 'M']],
    ['more channels than a panel', 16, [40, 'M', 72, 100]],
  ])('%s', async (_, size, items) => {
    expect(await differences(randomNetwork(configure(items), size, 5))).toEqual(NONE);
  });
});

describe('any batch', () => {
  const network = randomNetwork(configure([12, 'M', 20, 'M', 36, 'M']), 44, 3);
  test.each<[string, Options]>([
    ['three images one by one', { images: 3, imagesPerPass: 1 }],
    ['three images in one pass', { images: 3, imagesPerPass: 3 }],
    ['three images, two and one', { images: 3, imagesPerPass: 2 }],
    ['one image where four would fit', { images: 1, imagesPerPass: 4 }],
    ['more images than the head takes at once', { images: 11, imagesPerPass: 2 }],
  ])('%s', async (_, options) => {
    expect(await differences(network, options)).toEqual(NONE);
  });
});

test('a factorised head', async () => {
  const network = randomNetwork(configure([8, 'M', 8], { fc6Rank: 11 }), 24, 9);
  expect(await differences(network, { images: 2 })).toEqual(NONE);
});

describe('weights at the bound: 255 × Σ w⁺ or 255 × Σ |w⁻| below 2²⁵, or not', () => {
  const WITHIN = 131_586;

  /** One channel's sums are ±255 × `sum`, to the unit: its bias leaves 100 of them. */
  const network = (sum: number, sign: 1 | -1): QuantisedNetwork => {
    const plain = randomNetwork(configure([128, 9]), 12, 2);
    const [first, second] = plain.convolutions;
    if (first === undefined || second === undefined) throw new Error('two convolutions');
    const levels = { ...second.output, scale: 0.25 };
    let rest = sum;
    return {
      ...plain,
      convolutions: [
        { ...first, bias: first.bias.fill(2 ** 29), output: { ...levels, scale: 0.5 } },
        {
          ...second,
          input: { ...levels, scale: 0.5 },
          output: levels,
          scale: second.scale.fill(0.5),
          weight: second.weight.map((weight, index) => {
            if (index >= 128 * 9) return weight;
            const taken = Math.min(rest, 127);
            rest -= taken;
            return sign * taken;
          }),
          bias: second.bias.map((bias, channel) => (channel === 0 ? 100 - sign * 255 * sum : bias)),
        },
      ],
    };
  };

  test.each([
    [WITHIN, 1, 'all at once', [128]],
    [WITHIN, -1, 'all at once', [128]],
    [WITHIN + 1, 1, 'in parts', [64]],
    [WITHIN + 1, -1, 'in parts', [64]],
    [127 * 128 * 9, 1, 'in parts', [64]],
  ] as const)('a sum of %i, sign %i: %s', async (sum, sign, _, parts) => {
    const extreme = network(sum, sign);
    expect(await differences(extreme)).toEqual(NONE);
    await using model = await writeTemporaryModel(extreme);
    const { manifest, files } = model;
    const backbone = await loadBackbone(manifest, files, kernel, 1);
    expect(backbone.methods.slice(1).map(({ part }) => part)).toEqual(parts);
    const features = new Float32Array(backbone.featuresDim);
    backbone.run({ images: 1, size: 12, data: noise(12 * 12 * 3, 1) }, features);
    // Row 3, column 3 of the 7×7: windows that touch no border.
    expect(features[3 * 7 + 3]).toBe(100 * 0.25);
  });
});
