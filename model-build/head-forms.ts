// The ways to store the classifier of a network: int8, 4-bit by group size, factors of lower ranks. Made one after
// the other for `build --memory`, which measures each.

import { linearShapes, type VggConfiguration } from '../core/family.ts';
import { INT4_GROUPS } from '../core/manifest.ts';
import { type Feedback, prepareFeedback } from './error-feedback.ts';
import { type Factors, factorise, truncate } from './factorise.ts';
import { inputSizes, normalised } from './input-sizes.ts';
import { layerValues, withMirrored } from './layer-values.ts';
import type { Matrix, MatrixProducts } from './matrix-product.ts';
import type { FloatLinear, FloatNetwork, Int4Linear, Levels, QuantisedLinear } from './network.ts';
import { quantiseLinear } from './quantise.ts';
import { quantiseInt4 } from './quantise-int4.ts';
import { wideLevels } from './ranges.ts';

/** Ranks that are tried: the width of fc6 and fc7 ÷ these. */
const RANK_DIVISORS = [4, 8, 16];

/** More samples say little more, and their correlations are a matrix of as many rows. */
const MOST_SAMPLES = 512;

export interface HeadForm {
  readonly name: string;
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
  /** Called after each matrix that was looked into, quantised to 4 bits or factorised. */
  readonly tick: () => void;
}

interface LayerMaterial {
  readonly linear: FloatLinear;
  readonly input: Levels;
  readonly samples: Matrix;
}

/** How many forms there are, and how often `tick` is called. */
export function countForms(network: FloatNetwork): { forms: number; ticks: number } {
  const ranks = triedRanks(network).filter((rank) =>
    network.linears.some((linear) => largestRank(linear, network) !== undefined && saves(rank, linear)),
  );
  const factored = network.linears.filter((linear) => largestRank(linear, network) !== undefined);
  const packings = isFactorised(network) ? 1 : 2;
  return {
    forms: 1 + INT4_GROUPS.length * packings + ranks.length,
    ticks: (1 + INT4_GROUPS.length) * network.linears.length + factored.length,
  };
}

function isFactorised({ linears }: FloatNetwork): boolean {
  return linears.some(({ shape }) => shape.name.endsWith('.down'));
}

/** One at a time: a full-size classifier has 124 MB as int8. */
export async function* headForms(material: HeadMaterial): AsyncGenerator<HeadForm> {
  const { network, levels, features, products } = material;
  const values = await layerValues(network.linears, someRows(withMirrored(features)), products);
  const layers = network.linears.map((linear, index): LayerMaterial => {
    const [input, samples] = [levels[index], values[index]];
    if (input === undefined || samples === undefined) throw new RangeError(`No levels for layer ${index}.`);
    return { linear, input, samples };
  });
  const given = { configuration: network.configuration, float: network.linears };
  const factorised = isFactorised(network);
  const int8 = layers.map(({ linear, input }) => quantiseLinear(linear, input));
  yield { ...given, name: factorised ? 'int8, factors as given' : 'int8', linears: int8 };
  yield* fourBits(layers, int8, material);
  yield* lowerRanks(layers, material);
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

/** All layers in each group size, the largest groups first; what a layer's samples say serves all of them. */
async function* fourBits(
  layers: readonly LayerMaterial[],
  int8: readonly QuantisedLinear[],
  { network, products, tick }: HeadMaterial,
): AsyncGenerator<HeadForm> {
  const given = { configuration: network.configuration, float: network.linears };
  const prepared: { layer: LayerMaterial; feedback: Feedback }[] = [];
  for (const layer of layers) {
    prepared.push({ layer, feedback: await prepareFeedback(layer.samples, products) });
    tick();
  }
  for (const group of INT4_GROUPS.toReversed()) {
    const linears: Int4Linear[] = [];
    for (const { layer, feedback } of prepared) {
      linears.push(await quantiseInt4(layer.linear, layer.input, group, feedback, products));
      tick();
    }
    yield { ...given, name: `4-bit, groups of ${group}`, linears };
    const [first] = linears;
    if (isFactorised(network) || first === undefined) continue;
    yield { ...given, name: `4-bit fc6, groups of ${group}`, linears: [first, ...int8.slice(1)] };
  }
}

async function* lowerRanks(
  layers: readonly LayerMaterial[],
  { network, products, tick }: HeadMaterial,
): AsyncGenerator<HeadForm> {
  const ranks = triedRanks(network);
  const factors = new Map<string, Factors>();
  for (const { linear, samples } of layers) {
    const { name, inputs, outputs } = linear.shape;
    const largest = largestRank(linear, network);
    if (largest === undefined) continue;
    const weight = { rows: outputs, columns: inputs, values: linear.weight };
    factors.set(name, await factorise(weight, largest, inputSizes(normalised(samples)), products));
    tick();
  }
  for (const rank of ranks) {
    const ofRank = (name: 'fc6' | 'fc7') => {
      const layer = layers.find(({ linear }) => linear.shape.name === name);
      return layer !== undefined && factors.has(name) && saves(rank, layer.linear) ? rank : null;
    };
    const chosen = { fc6: ofRank('fc6'), fc7: ofRank('fc7') };
    if (chosen.fc6 === null && chosen.fc7 === null) continue;
    const configuration = { ...network.configuration, ranks: chosen };
    const float: FloatLinear[] = [];
    const linears: QuantisedLinear[] = [];
    for (const { linear, input, samples } of layers) {
      const whole = factors.get(linear.shape.name);
      const shapes = linearShapes(configuration).filter(({ name }) =>
        name.startsWith(`${linear.shape.name}.`),
      );
      const [downShape, upShape] = shapes;
      if (whole === undefined || downShape === undefined || upShape === undefined) {
        float.push(linear);
        linears.push(quantiseLinear(linear, input));
        continue;
      }
      const { up, down } = truncate(whole, rank);
      const first = { shape: downShape, weight: down.values, bias: null };
      const second = { shape: upShape, weight: up.values, bias: linear.bias };
      const middle = await products.multiplyTransposed(samples, down);
      float.push(first, second);
      linears.push(
        quantiseLinear(first, input),
        quantiseLinear(second, wideLevels(rangeOf(middle.values), rank)),
      );
    }
    yield { name: `int8, rank ${rank}`, configuration, float, linears };
  }
}

function triedRanks({ configuration }: FloatNetwork): number[] {
  return RANK_DIVISORS.map((divisor) => Math.floor(configuration.hiddenDim / divisor));
}

/** The largest that makes fc6 or fc7 smaller. */
function largestRank(linear: FloatLinear, network: FloatNetwork): number | undefined {
  if (linear.shape.name !== 'fc6' && linear.shape.name !== 'fc7') return undefined;
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
