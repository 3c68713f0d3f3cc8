import { describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import {
  type ConfigurationItem,
  convolutionShapes,
  customConfiguration,
  FAMILY_NAMES,
  familyMember,
  featuresDim,
  linearShapes,
} from '../../core/family.ts';
import { summarise } from '../../core/summary.ts';

// Parameters and multiply-adds of torchvision's models, as their documentation publishes them.
const PUBLISHED: readonly [name: string, convolutions: number, parameters: number, gigaMacs: number][] = [
  ['vgg11', 8, 132_863_336, 7.61],
  ['vgg11_bn', 8, 132_868_840, 7.61],
  ['vgg13', 10, 133_047_848, 11.31],
  ['vgg13_bn', 10, 133_053_736, 11.31],
  ['vgg16', 13, 138_357_544, 15.47],
  ['vgg16_bn', 13, 138_365_992, 15.47],
  ['vgg19', 16, 143_667_240, 19.63],
  ['vgg19_bn', 16, 143_678_248, 19.63],
];

describe('the paper’s rows', () => {
  test.each(PUBLISHED)(
    '%s has %i convolutions and %i parameters',
    (name, convolutions, parameters, gigaMacs) => {
      const configuration = familyMember(name);
      const summary = summarise(configuration);
      expect(convolutionShapes(configuration, 224)).toHaveLength(convolutions);
      expect(summary.parameters).toBe(parameters);
      expect(summary.macs / 1e9).toBeCloseTo(gigaMacs, 2);
      expect(summary.bytes).toBe(parameters * 4);
    },
  );

  test('all eight members have a name', () => {
    expect(FAMILY_NAMES).toEqual(PUBLISHED.map(([name]) => name).toSorted(byNumberThenNorm));
  });

  test('two classes leave 128,780,034 parameters in vgg11_bn', () => {
    expect(summarise(familyMember('vgg11_bn', { outputDim: 2 })).parameters).toBe(128_780_034);
  });

  test('an unknown member is refused with the names there are', () => {
    expect(() => familyMember('vgg12')).toThrow(/Expected one of vgg11, vgg11_bn.* but found 'vgg12'/);
  });
});

describe('shapes', () => {
  test('the map is halved by every pool and ends at 512×7×7', () => {
    const rows = summarise(familyMember('vgg11')).rows;
    const pooled = rows.filter(({ layer }) => layer === 'MaxPool2d').map(({ outputShape }) => outputShape);
    expect(pooled).toEqual([
      [64, 112, 112],
      [128, 56, 56],
      [256, 28, 28],
      [512, 14, 14],
      [512, 7, 7],
    ]);
    expect(featuresDim(familyMember('vgg11'))).toBe(25_088);
  });

  test('an odd side is halved downwards, as PyTorch does', () => {
    expect(convolutionShapes(familyMember('vgg11'), 75).map(({ size }) => size)).toEqual([
      75, 37, 18, 18, 9, 9, 4, 4,
    ]);
  });

  test('an input that does not survive the pools is refused', () => {
    expect(() => convolutionShapes(familyMember('vgg16'), 31)).toThrow(/at least 32 pixels .* but found 31/);
    expect(convolutionShapes(familyMember('vgg16'), 32)).toHaveLength(13);
  });

  test('a factorised classifier has a narrow layer before the wide one', () => {
    const factorised = familyMember('vgg11_bn', { fc6Rank: 256, fc7Rank: 256 });
    expect(
      linearShapes(factorised).map(({ name, inputs, outputs, bias }) => [name, inputs, outputs, bias]),
    ).toEqual([
      ['fc6.down', 25_088, 256, false],
      ['fc6.up', 256, 4096, true],
      ['fc7.down', 4096, 256, false],
      ['fc7.up', 256, 4096, true],
      ['fc8', 4096, 1000, true],
    ]);
    expect(summarise(factorised).parameters).toBe(22_899_432);
  });
});

describe('custom configurations', () => {
  test('a row of the paper is recognised', () => {
    const row = familyMember('vgg13').items;
    expect(customConfiguration(row, true).name).toBe('vgg13_bn');
    expect(customConfiguration([8, 'M', 16], false).name).toBe('custom');
  });

  const invalid: readonly [items: unknown[], message: RegExp][] = [
    [[64, 'M', 0], /at position 2 of the configuration but found 0/],
    [[64, 'm'], /at position 1 of the configuration but found "m"/],
    [[64, 1.5], /at position 1 .* found 1.5/],
    [[64, -3], /at position 1 .* found -3/],
    [[64, null], /at position 1 .* found null/],
    [[2 ** 21], /at position 0 .* found 2097152/],
    [['M', 64], /a channel count first at position 0/],
    [[], /at least one convolution/],
  ];
  test.each(invalid)('%j is refused by item and position', (items, message) => {
    const refuse = () => customConfiguration(items as ConfigurationItem[], false);
    expect(refuse).toThrow(message);
    expect(refuse).toThrow(InputError);
  });

  test.each([
    ['outputDim', 0],
    ['hiddenDim', 1.5],
    ['fc6Rank', -1],
    ['fc7Rank', Number.NaN],
  ])('%s of %d is refused by name', (option, value) => {
    expect(() => familyMember('vgg11', { [option]: value })).toThrow(`for ${option} but found ${value}`);
  });
});

test.each(['vgg12', 'constructor', '__proto__', 'toString_bn', ''])('%j is no member', (name) => {
  expect(() => familyMember(name)).toThrow(InputError);
});

function byNumberThenNorm(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}
