// The VGG family as rows of data (Simonyan & Zisserman 2014, arXiv:1409.1556, table 1), and what
// follows from a row: layers, shapes, parameters, multiply-adds.

import { InputError } from './errors.ts';

/** Output channels of a 3×3 convolution (stride 1, padding 1), or `'M'` for a 2×2 max-pool. */
export type ConfigurationItem = number | 'M';

/** One network of the family. `ranks` factorises a linear layer into rank r before its full width. */
export interface VggConfiguration {
  /** `vgg11_bn` and so on for the paper's rows, `custom` otherwise. */
  readonly name: string;
  readonly items: readonly ConfigurationItem[];
  readonly batchNorm: boolean;
  /** Width of fc6 and fc7; 4096 in the paper. */
  readonly hiddenDim: number;
  /** Number of classes. */
  readonly outputDim: number;
  readonly ranks: { readonly fc6: number | null; readonly fc7: number | null };
}

/** The paper's configurations A, B, D, E. */
export const FAMILY: Readonly<Record<string, readonly ConfigurationItem[]>> = {
  vgg11: [64, 'M', 128, 'M', 256, 256, 'M', 512, 512, 'M', 512, 512, 'M'],
  vgg13: [64, 64, 'M', 128, 128, 'M', 256, 256, 'M', 512, 512, 'M', 512, 512, 'M'],
  vgg16: [64, 64, 'M', 128, 128, 'M', 256, 256, 256, 'M', 512, 512, 512, 'M', 512, 512, 512, 'M'],
  vgg19: [
    64,
    64,
    'M',
    128,
    128,
    'M',
    256,
    256,
    256,
    256,
    'M',
    512,
    512,
    512,
    512,
    'M',
    512,
    512,
    512,
    512,
    'M',
  ],
};

/** Names of all eight members: `vgg11`, `vgg11_bn`, … `vgg19_bn`. */
export const FAMILY_NAMES: readonly string[] = Object.keys(FAMILY).flatMap((name) => [name, `${name}_bn`]);

/** Side of the map that the adaptive average pool gives to the classifier. */
export const POOLED_SIDE = 7;

/** Bounds every channel count, width and rank; a limit against absurd files, not of the method. */
const MAX_DIM = 1 << 20;

interface ConfigurationOptions {
  readonly outputDim?: number;
  readonly hiddenDim?: number;
  readonly fc6Rank?: number | null;
  readonly fc7Rank?: number | null;
}

/**
 * The configuration of a family member by name (`vgg11` … `vgg19_bn`).
 * Throws InputError for an unknown name or a dimension that is not a whole number ≥ 1.
 */
export function familyMember(name: string, options: ConfigurationOptions = {}): VggConfiguration {
  const batchNorm = name.endsWith('_bn');
  const row = batchNorm ? name.slice(0, -3) : name;
  const items = Object.hasOwn(FAMILY, row) ? FAMILY[row] : undefined;
  if (items === undefined) {
    throw new InputError(
      'invalid_argument',
      `Expected one of ${FAMILY_NAMES.join(', ')} as the network but found '${name}'.`,
    );
  }
  return customConfiguration(items, batchNorm, options);
}

/**
 * A custom configuration. Its name is the family member's it equals, else `custom`.
 * Throws InputError naming the first invalid item and its position (0-based).
 */
export function customConfiguration(
  items: readonly ConfigurationItem[],
  batchNorm: boolean,
  options: ConfigurationOptions = {},
): VggConfiguration {
  items.forEach((item, position) => {
    if (item !== 'M' && !isDimension(item)) {
      throw invalidItem(item, position, `a channel count (a whole number from 1 to ${MAX_DIM}) or 'M'`);
    }
    if (item === 'M' && position === 0) throw invalidItem(item, position, 'a channel count first');
  });
  if (!items.some((item) => item !== 'M')) {
    throw new InputError(
      'invalid_argument',
      'Expected at least one convolution but the configuration has none.',
    );
  }
  const { outputDim = 1000, hiddenDim = 4096, fc6Rank = null, fc7Rank = null } = options;
  for (const [label, value] of Object.entries({ outputDim, hiddenDim, fc6Rank, fc7Rank })) {
    if (value !== null && !isDimension(value)) {
      throw new InputError(
        'invalid_argument',
        `Expected a whole number from 1 to ${MAX_DIM} for ${label} but found ${value}.`,
        { param: label },
      );
    }
  }
  return {
    name: memberName(items, batchNorm),
    items,
    batchNorm,
    hiddenDim,
    outputDim,
    ranks: { fc6: fc6Rank, fc7: fc7Rank },
  };
}

function memberName(items: readonly ConfigurationItem[], batchNorm: boolean): string {
  const member = Object.entries(FAMILY).find(
    ([, row]) => row.length === items.length && row.every((item, position) => item === items[position]),
  );
  return member === undefined ? 'custom' : `${member[0]}${batchNorm ? '_bn' : ''}`;
}

function isDimension(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= MAX_DIM;
}

function invalidItem(item: unknown, position: number, expected: string): InputError {
  return new InputError(
    'invalid_argument',
    `Expected ${expected} at position ${position} of the configuration but found ${JSON.stringify(item)}.`,
    { param: `items[${position}]` },
  );
}

/** A convolution of the network with what surrounds it: [batch norm], ReLU, [2×2 max-pool]. */
export interface ConvolutionShape {
  /** `conv1`, `conv2`, … */
  readonly name: string;
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** Side of the square input (and, before the pool, output) map in pixels. */
  readonly size: number;
  /** How many 2×2 max-pools follow (0 or 1 in the paper's rows). */
  readonly pools: number;
}

/** A matrix of the classifier, [outputs, inputs]; a factorised layer has two, only the second biased. */
export interface LinearShape {
  /** `fc6`, `fc7`, `fc8`, or `fc6.down`, `fc6.up` where factorised. */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
  /** A ReLU follows. */
  readonly relu: boolean;
}

/**
 * The convolutions in order, for a square input of `inputSize` pixels.
 * Throws InputError when nothing is left after the pools.
 */
export function convolutionShapes(configuration: VggConfiguration, inputSize: number): ConvolutionShape[] {
  const shapes: { -readonly [Key in keyof ConvolutionShape]: ConvolutionShape[Key] }[] = [];
  let size = inputSize;
  let inputChannels = 3;
  for (const item of configuration.items) {
    const last = shapes.at(-1);
    if (item !== 'M') {
      shapes.push({ name: `conv${shapes.length + 1}`, inputChannels, outputChannels: item, size, pools: 0 });
      inputChannels = item;
    } else if (last !== undefined) {
      last.pools += 1;
      size = Math.floor(size / 2);
    }
  }
  if (!Number.isSafeInteger(inputSize) || size < 1) {
    const pools = configuration.items.filter((item) => item === 'M').length;
    throw new InputError(
      'invalid_argument',
      `Expected an input of at least ${2 ** pools} pixels (${pools} pools halve it) but found ${inputSize}.`,
      { param: 'inputSize' },
    );
  }
  return shapes;
}

/** The classifier's matrices in order: fc6, fc7, fc8, each in one piece or factorised. */
export function linearShapes(configuration: VggConfiguration): LinearShape[] {
  const { hiddenDim, outputDim, ranks } = configuration;
  return [
    ...linear('fc6', featuresDim(configuration), hiddenDim, ranks.fc6, true),
    ...linear('fc7', hiddenDim, hiddenDim, ranks.fc7, true),
    ...linear('fc8', hiddenDim, outputDim, null, false),
  ];
}

function linear(
  name: string,
  inputs: number,
  outputs: number,
  rank: number | null,
  relu: boolean,
): LinearShape[] {
  if (rank === null) return [{ name, inputs, outputs, bias: true, relu }];
  return [
    { name: `${name}.down`, inputs, outputs: rank, bias: false, relu: false },
    { name: `${name}.up`, inputs: rank, outputs, bias: true, relu },
  ];
}

/** Channels of the last convolution: the depth of the 7×7 map. */
export function featureChannels(configuration: VggConfiguration): number {
  return configuration.items.findLast((item) => item !== 'M') ?? 0;
}

/** Width of the `features` tap: channels × 7 × 7, 25088 in the paper's rows. */
export function featuresDim(configuration: VggConfiguration): number {
  return featureChannels(configuration) * POOLED_SIDE * POOLED_SIDE;
}
