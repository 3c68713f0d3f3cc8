// The ways to store the classifier of a network: int8, 4-bit by group size, factors of lower ranks. `build --memory`
// makes one after the other and measures each.

import { linearShapes, type VggConfiguration } from '../core/family.ts';
import { INT4_GROUPS, type Int4Group } from '../core/manifest.ts';
import { type Factors, factorise, truncate } from './factorise.ts';
import { inputSizes, normalised } from './input-sizes.ts';
import { layerValues, withMirrored } from './layer-values.ts';
import type { Matrix, MatrixProducts } from './matrix-product.ts';
import type { FloatLinear, FloatNetwork, Levels, QuantisedLinear, QuantisedNetwork } from './network.ts';
import { type GroupOf, HeadPacker, type LayerMaterial } from './pack-head.ts';
import { quantiseLinear } from './quantise.ts';
import { wideLevels } from './ranges.ts';

/** Ranks that are tried: the width of fc6 and fc7 ÷ these. */
export const RANK_DIVISORS = [4, 8, 16];

/**
 * What gets 4 bits, and the groups of fc6. fc7 with fc6 in groups of 32 is as large as fc6 alone in groups of 64, and
 * further from float32 as the build measures it. fc8 is a thirtieth of the weights: docs/accuracy.md has what 4 bits
 * there came to.
 */
export const PACKINGS: readonly Packing[] = [
  packing(['fc6', 'fc7'], 128),
  packing(['fc6'], 128),
  packing(['fc6', 'fc7'], 64),
  packing(['fc6'], 64),
  packing(['fc6'], 32),
];

export interface Packing {
  readonly name: string;
  /** Of a layer; null where it stays int8. */
  readonly groupOf: GroupOf;
}

function packing(layers: readonly string[], group: Int4Group): Packing {
  return {
    name: `4-bit ${layers.join(' and ')}, groups of ${group}`,
    groupOf: (name) => groupIn(name, layers, group),
  };
}

/** More samples say little more, and their correlations are a matrix of as many rows. */
const MOST_SAMPLES = 512;

export interface HeadForm {
  readonly name: string;
  /** A full-size classifier has 124 MB as int8 and takes a minute: each is made when its turn comes. */
  make(): Promise<StoredHead>;
}

export interface StoredHead {
  /** The network's, with other ranks where factorised. */
  readonly configuration: VggConfiguration;
  /** What was quantised. */
  readonly float: readonly FloatLinear[];
  readonly linears: readonly QuantisedLinear[];
}

export interface HeadMaterial {
  readonly network: FloatNetwork;
  /** Inputs of the linear layers. */
  readonly levels: readonly Levels[];
  /** Of the calibration images as the int8 backbone gives them, [images, features]. */
  readonly features: Matrix;
  readonly products: MatrixProducts;
}

function isFactorised({ linears }: FloatNetwork): boolean {
  return linears.some(({ shape }) => shape.name.endsWith('.down'));
}

/** Every form of the network's classifier, in the order to be tried. */
export function headForms({ network, levels, features, products }: HeadMaterial): HeadForm[] {
  const samples = someRows(withMirrored(features));
  const layers = network.linears.map((linear, index): LayerMaterial => {
    const input = levels[index];
    if (input === undefined) throw new RangeError(`No levels for layer ${index}.`);
    return { linear, input };
  });
  const packer = new HeadPacker(layers, samples, products);
  const packed = (name: string, groupOf: GroupOf): HeadForm => ({
    name,
    make: async () => ({
      configuration: network.configuration,
      float: network.linears,
      linears: await packer.pack(groupOf),
    }),
  });
  return [
    packed(isFactorised(network) ? 'int8, factors as given' : 'int8', () => null),
    ...PACKINGS.map(({ name, groupOf }) => packed(name, groupOf)),
    ...lowerRanks(layers, samples, network, products),
  ];
}

/** fc7 is a sixth of fc6 and loses more: its groups are small whatever those of fc6 are. */
function groupIn(name: string, layers: readonly string[], group: Int4Group): Int4Group | null {
  const [layer = ''] = name.split('.');
  if (!layers.includes(layer)) return null;
  return layer === 'fc6' ? group : INT4_GROUPS[0];
}

/** The network with this classifier behind its convolutions. */
export function replaceHead(
  quantised: QuantisedNetwork,
  { configuration, linears }: StoredHead,
): QuantisedNetwork {
  return { ...quantised, configuration, linears };
}

/** Evenly chosen. */
function someRows({ rows, columns, values }: Matrix): Matrix {
  if (rows <= MOST_SAMPLES) return { rows, columns, values };
  const chosen = new Float32Array(MOST_SAMPLES * columns);
  for (let row = 0; row < MOST_SAMPLES; row += 1) {
    const from = Math.floor((row * rows) / MOST_SAMPLES);
    chosen.set(values.subarray(from * columns, (from + 1) * columns), row * columns);
  }
  return { rows: MOST_SAMPLES, columns, values: chosen };
}

function lowerRanks(
  layers: readonly LayerMaterial[],
  features: Matrix,
  network: FloatNetwork,
  products: MatrixProducts,
): HeadForm[] {
  // At the highest rank, once: the lower ones are its first columns.
  let factors: Promise<Map<string, Factored>> | undefined;
  const ranks = triedRanks(network).filter((rank) =>
    layers.some(({ linear }) => ['fc6', 'fc7'].includes(linear.shape.name) && saves(rank, linear)),
  );
  return ranks.map((rank) => ({
    name: `int8, rank ${rank}`,
    make: async () => {
      factors ??= factorLayers(layers, features, network, products);
      return await ofRank(rank, layers, await factors, network, products);
    },
  }));
}

interface Factored extends Factors {
  /** Inputs of the layer. */
  readonly samples: Matrix;
}

async function factorLayers(
  layers: readonly LayerMaterial[],
  features: Matrix,
  network: FloatNetwork,
  products: MatrixProducts,
): Promise<Map<string, Factored>> {
  const values = await layerValues(network.linears, features, products);
  const factors = new Map<string, Factored>();
  for (const [index, { linear }] of layers.entries()) {
    const { name, inputs, outputs } = linear.shape;
    const [samples, largest] = [values[index], largestRank(linear, network)];
    if (largest === undefined || samples === undefined) continue;
    const weight = { rows: outputs, columns: inputs, values: linear.weight };
    const factored = await factorise(weight, largest, inputSizes(normalised(samples)), products);
    factors.set(name, { ...factored, samples });
  }
  return factors;
}

async function ofRank(
  rank: number,
  layers: readonly LayerMaterial[],
  factors: ReadonlyMap<string, Factored>,
  network: FloatNetwork,
  products: MatrixProducts,
): Promise<StoredHead> {
  const rankOf = (name: 'fc6' | 'fc7') => {
    const layer = layers.find(({ linear }) => linear.shape.name === name);
    const factorised = layer !== undefined && factors.has(name) && saves(rank, layer.linear);
    return factorised ? rank : network.configuration.ranks[name];
  };
  const ranks = { fc6: rankOf('fc6'), fc7: rankOf('fc7') };
  const configuration = { ...network.configuration, ranks };
  const float: FloatLinear[] = [];
  const linears: QuantisedLinear[] = [];
  for (const { linear, input } of layers) {
    const whole = factors.get(linear.shape.name);
    const shapes = linearShapes(configuration).filter(({ name }) => name.startsWith(`${linear.shape.name}.`));
    const [downShape, upShape] = shapes;
    if (whole === undefined || downShape === undefined || upShape === undefined) {
      float.push(linear);
      linears.push(quantiseLinear(linear, input));
      continue;
    }
    const { up, down } = truncate(whole, rank);
    const first = { shape: downShape, weight: down.values, bias: null };
    const second = { shape: upShape, weight: up.values, bias: linear.bias };
    const middle = await products.multiplyTransposed(whole.samples, down);
    float.push(first, second);
    linears.push(
      quantiseLinear(first, input),
      quantiseLinear(second, wideLevels(rangeOf(middle.values), rank)),
    );
  }
  return { configuration, float, linears };
}

function triedRanks({ configuration }: FloatNetwork): number[] {
  return RANK_DIVISORS.map((divisor) => Math.floor(configuration.hiddenDim / divisor));
}

/** The largest that makes fc6 or fc7 smaller. */
function largestRank(linear: FloatLinear, network: FloatNetwork): number | undefined {
  if (!['fc6', 'fc7'].includes(linear.shape.name)) return undefined;
  return triedRanks(network).find((rank) => saves(rank, linear));
}

/** Two factors have fewer weights than the matrix. */
function saves(rank: number, { shape }: FloatLinear): boolean {
  return rank >= 1 && rank * (shape.inputs + shape.outputs) < shape.inputs * shape.outputs;
}

function rangeOf(values: Float32Array): { low: number; high: number } {
  return values.reduce(
    ({ low, high }, value) => ({ low: Math.min(low, value), high: Math.max(high, value) }),
    { low: 0, high: 0 },
  );
}
