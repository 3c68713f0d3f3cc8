// Networks recognised from names, order and shapes, and networks that something is wrong with.

import { describe, expect, test } from 'vitest';
import { type ConfigurationItem, FAMILY, FAMILY_NAMES } from '../../core/family.ts';
import type { TensorFile, TensorInfo } from '../../core/tensor.ts';
import { nameTensors } from '../../model-build/name-tensors.ts';
import { openSource } from '../../model-build/open-weights.ts';
import { goldenBytes } from './goldens.ts';
import { memorySource } from './memory-source.ts';

type Shapes = Record<string, readonly number[]>;

/** A weight file of these tensors; nothing reads their values. */
function fileOf(shapes: Shapes, skipped: Record<string, string> = {}): TensorFile {
  const tensors = Object.entries(shapes).map(([name, shape]): [string, TensorInfo] => [
    name,
    { name, shape, dtype: 'float32' },
  ]);
  return {
    format: 'safetensors',
    tensors: new Map(tensors),
    skipped: new Map(Object.entries(skipped)),
    read: () => Promise.reject(new Error('not read here')),
    close: () => Promise.resolve(),
  };
}

/** torchvision's state dict of a configuration. */
function torchvision(
  items: readonly ConfigurationItem[],
  batchNorm: boolean,
  hidden = 4096,
  classes = 1000,
): Shapes {
  const shapes: Shapes = {};
  let module = 0;
  let inputs = 3;
  for (const item of items) {
    if (item === 'M') {
      module += 1;
      continue;
    }
    shapes[`features.${module}.weight`] = [item, inputs, 3, 3];
    shapes[`features.${module}.bias`] = [item];
    if (batchNorm) {
      for (const part of ['weight', 'bias', 'running_mean', 'running_var']) {
        shapes[`features.${module + 1}.${part}`] = [item];
      }
    }
    module += batchNorm ? 3 : 2;
    inputs = item;
  }
  const linears: readonly [number, number, number][] = [
    [0, hidden, inputs * 49],
    [3, hidden, hidden],
    [6, classes, hidden],
  ];
  for (const [index, outputs, columns] of linears) {
    shapes[`classifier.${index}.weight`] = [outputs, columns];
    shapes[`classifier.${index}.bias`] = [outputs];
  }
  return shapes;
}

const itemsOf = (name: string): readonly ConfigurationItem[] => FAMILY[name.replace('_bn', '')] ?? [];

/** A tiny vgg11 or vgg11_bn with some tensors replaced (or left out, where undefined). */
function changed(changes: Record<string, readonly number[] | undefined>, batchNorm = false): Shapes {
  const items = [2, 'M', 3, 'M', 4, 4, 'M', 5, 5, 'M', 5, 5, 'M'] as const;
  const entries = Object.entries({ ...torchvision(items, batchNorm, 6, 5), ...changes });
  return Object.fromEntries(entries.flatMap(([name, shape]) => (shape === undefined ? [] : [[name, shape]])));
}

describe('recognises', () => {
  test.each(FAMILY_NAMES)('torchvision %s', (name) => {
    const shapes = torchvision(itemsOf(name), name.endsWith('_bn'), 4096, 17);
    const { configuration, unused } = nameTensors(fileOf(shapes));
    expect(configuration).toMatchObject({
      name,
      hiddenDim: 4096,
      outputDim: 17,
      ranks: { fc6: null, fc7: null },
    });
    expect(unused).toEqual([]);
  });

  test.each(FAMILY_NAMES)('%s with narrow layers, saved by PyTorch', async (name) => {
    const network = nameTensors(await openSource(memorySource(goldenBytes(`${name}.pth`))));
    const widths: Record<number, number> = { 64: 2, 128: 3, 256: 4, 512: 5 };
    expect(network.configuration).toEqual({
      name: 'custom',
      items: itemsOf(name).map((item) => (item === 'M' ? item : widths[item])),
      batchNorm: name.endsWith('_bn'),
      hiddenDim: 6,
      outputDim: 5,
      ranks: { fc6: null, fc7: null },
    });
    expect(network.unused).toEqual([]);
  });

  const tiny = { items: [1, 'M', 2, 'M', 3, 3, 'M', 2, 2, 'M', 2, 2, 'M'], hiddenDim: 6, outputDim: 5 };
  test.each([
    ['the legacy format', 'tiny-legacy.pth', { ...tiny, batchNorm: false }],
    ['a checkpoint with module. before every name', 'tiny-checkpoint.pth', { ...tiny, batchNorm: false }],
    ["timm's names and convolutions for linear layers", 'tiny-timm.pth', { ...tiny, batchNorm: true }],
    ['a hand-written module with named blocks', 'tiny-handwritten.pth', { ...tiny, batchNorm: true }],
    ['a factorised classifier', 'tiny-rank2.safetensors', { ...tiny, ranks: { fc6: 2, fc7: 2 } }],
  ])('%s', async (_, file, expected) => {
    const network = nameTensors(await openSource(memorySource(goldenBytes(file))));
    expect(network.configuration).toMatchObject(expected);
    expect(network.unused).toEqual([]);
  });

  test('the tensors of each layer', async () => {
    const network = nameTensors(await openSource(memorySource(goldenBytes('tiny-rank2.safetensors'))));
    expect(network.convolutions[1]).toMatchObject({
      shape: { name: 'conv2', inputChannels: 1, outputChannels: 2, pools: 1 },
      weight: 'features.4.weight',
      bias: 'features.4.bias',
      batchNorm: {
        weight: 'features.5.weight',
        bias: 'features.5.bias',
        runningMean: 'features.5.running_mean',
        runningVariance: 'features.5.running_var',
      },
    });
    expect(network.linears.map(({ shape, weight, bias }) => [shape.name, weight, bias])).toEqual([
      ['fc6.down', 'classifier.0.0.weight', null],
      ['fc6.up', 'classifier.0.1.weight', 'classifier.0.1.bias'],
      ['fc7.down', 'classifier.3.0.weight', null],
      ['fc7.up', 'classifier.3.1.weight', 'classifier.3.1.bias'],
      ['fc8', 'classifier.6.weight', 'classifier.6.bias'],
    ]);
  });

  test('a classifier of which only fc6 is factorised', () => {
    const shapes = changed({
      'classifier.0.weight': undefined,
      'classifier.0.bias': undefined,
      'classifier.0.0.weight': [2, 245],
      'classifier.0.1.weight': [6, 2],
      'classifier.0.1.bias': [6],
    });
    expect(nameTensors(fileOf(shapes)).configuration.ranks).toEqual({ fc6: 2, fc7: null });
  });

  test('any order of the tensors, any common prefix, and tensors of other parts', () => {
    const shapes = Object.entries(changed({}, true)).map(([name, shape]) => [`module.model.${name}`, shape]);
    const file = fileOf({ 'loss.weight': [5], ...Object.fromEntries(shapes.toReversed()) });
    expect(nameTensors(file)).toMatchObject({
      prefix: 'module.model.',
      configuration: { items: [2, 'M', 3, 'M', 4, 4, 'M', 5, 5, 'M', 5, 5, 'M'] },
      unused: ['loss.weight'],
    });
  });

  test('a custom configuration by the numbers of its modules', () => {
    const items = [4, 8, 'M', 8, 'M', 16, 'M'] as const;
    expect(nameTensors(fileOf(torchvision(items, true, 10, 2))).configuration.items).toEqual(items);
  });

  test('convolutions without bias before a batch norm', () => {
    const biases = [0, 4, 8, 11, 15, 18, 22, 25].map((module) => [`features.${module}.bias`, undefined]);
    const network = nameTensors(fileOf(changed(Object.fromEntries(biases), true)));
    expect(network.convolutions.map(({ bias }) => bias)).toEqual(Array(8).fill(null));
  });
});

describe('refuses, naming the tensor, what was expected and what was found', () => {
  test.each<[string, Shapes, string]>([
    [
      'no tensors',
      {},
      'Expected one set of convolutions named features.… for a VGG but found the tensors none.',
    ],
    [
      'another network',
      { 'layer1.0.conv1.weight': [64, 64, 3, 3], 'fc.weight': [1000, 512] },
      'but found the tensors layer1.0.conv1.weight, fc.weight.',
    ],
    [
      'two networks',
      { ...changed({}), ...Object.fromEntries(Object.entries(changed({})).map(([k, v]) => [`ema.${k}`, v])) },
      "but found some under '' and 'ema.'.",
    ],
    [
      'a missing bias',
      changed({ 'features.3.bias': undefined }),
      'Expected shape [3] for features.3.bias but found no tensor of that name.',
    ],
    [
      'no bias in any convolution, and no batch norm',
      Object.fromEntries(Object.entries(changed({})).filter(([name]) => !/^features.*bias/.test(name))),
      'Expected shape [2] for features.0.bias but found no tensor of that name.',
    ],
    [
      'a missing weight',
      changed({ 'features.3.weight': undefined }),
      'Expected a weight for features.3.weight but found no tensor of that name.',
    ],
    [
      'a missing convolution',
      changed({ 'features.3.weight': undefined, 'features.3.bias': undefined }),
      'for features but found features.0, features.6, features.8',
    ],
    [
      'a convolution of another width',
      changed({ 'features.6.weight': [4, 9, 3, 3] }),
      'Expected shape [4, 3, 3, 3] for features.6.weight but found [4, 9, 3, 3].',
    ],
    [
      'a convolution without channels',
      changed({ 'features.3.weight': [0, 2, 3, 3] }),
      'Expected values for features.3.weight but found shape [0, 2, 3, 3].',
    ],
    [
      'a kernel of 5×5',
      changed({ 'features.0.weight': [2, 3, 5, 5] }),
      'Expected shape [2, 3, 3, 3] for features.0.weight but found [2, 3, 5, 5].',
    ],
    [
      'four input channels',
      changed({ 'features.0.weight': [2, 4, 3, 3] }),
      'Expected shape [2, 3, 3, 3] for features.0.weight but found [2, 4, 3, 3].',
    ],
    [
      'a bias of another length',
      changed({ 'features.0.bias': [3] }),
      'Expected shape [2] for features.0.bias but found [3].',
    ],
    [
      'a missing batch norm',
      changed(
        Object.fromEntries(
          ['weight', 'bias', 'running_mean', 'running_var'].map((part) => [`features.5.${part}`, undefined]),
        ),
        true,
      ),
      'Expected a batch norm behind each of 8 convolutions',
    ],
    [
      'a missing variance',
      changed({ 'features.5.running_var': undefined }, true),
      'Expected shape [3] for features.5.running_var but found no tensor of that name.',
    ],
    [
      'a linear layer among the convolutions',
      changed({ 'features.40.weight': [5, 5] }),
      'Expected a convolution or batch norm for features.40.weight but found shape [5, 5].',
    ],
    [
      'no classifier',
      Object.fromEntries(Object.entries(changed({})).filter(([name]) => name.startsWith('features'))),
      'for classifier but found none.',
    ],
    [
      'two linear layers',
      changed({ 'classifier.3.weight': undefined, 'classifier.3.bias': undefined }),
      'for classifier but found 2 (classifier.0, classifier.6).',
    ],
    [
      'a first linear layer for another map',
      changed({ 'classifier.0.weight': [6, 5] }),
      'Expected shape [6, 245] for classifier.0.weight but found [6, 5].',
    ],
    [
      'a second one of another width',
      changed({ 'classifier.3.weight': [7, 6] }),
      'Expected shape [6, 6] for classifier.3.weight but found [7, 6].',
    ],
    [
      'a missing bias of the classifier',
      changed({ 'classifier.6.bias': undefined }),
      'Expected shape [5] for classifier.6.bias but found no tensor of that name.',
    ],
    [
      'a batch norm in the classifier',
      changed({ 'classifier.1.weight': [6], 'classifier.1.running_mean': [6] }),
      'Expected the matrix of a linear layer for classifier.1.weight but found shape [6].',
    ],
    [
      'a factorised last layer',
      changed({
        'classifier.6.weight': [2, 6],
        'classifier.6.bias': undefined,
        'classifier.7.weight': [5, 2],
        'classifier.7.bias': [5],
      }),
      'Expected one matrix, being the last layer, for classifier.6 but found two with classifier.7.',
    ],
  ])('%s', (_, shapes, message) => {
    expect(() => nameTensors(fileOf(shapes))).toThrow(
      expect.objectContaining({
        name: 'InputError',
        code: 'invalid_weights',
        message: expect.stringContaining(message),
      }),
    );
  });

  test('a weight of a type that is not read', () => {
    const file = fileOf(changed({ 'features.0.weight': undefined }), { 'features.0.weight': 'float64' });
    expect(() => nameTensors(file)).toThrow('for features.0.weight but found values of type float64.');
  });
});
