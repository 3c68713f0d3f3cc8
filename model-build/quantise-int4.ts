// A linear layer → 4-bit weights whose scales and rounding keep the layer's output on sampled inputs, not just the
// weights: group by group a scale is searched, weight by weight the error is passed on (error-feedback.ts).

import type { Int4Group } from '../core/manifest.ts';
import type { Feedback, FeedbackBlock } from './error-feedback.ts';
import { packInt4 } from './int4-weights.ts';
import type { Matrix, MatrixProducts } from './matrix-product.ts';
import type { FloatLinear, Int4Linear, Levels } from './network.ts';

const LOWEST = -8;
const HIGHEST = 7;

/**
 * Scales that are tried: the group's largest weight ÷ one of these. It stands at −8, of which there is one level
 * more; above 8 it is clipped, and all others gain.
 */
const DIVISORS: readonly number[] = [7, 7.5, 8, 8.5, 9, 9.5, 10.5, 12];

/** `feedback` of inputs of this layer. Time grows with inputs × outputs × (samples + 128). */
export async function quantiseInt4(
  { shape, weight, bias }: FloatLinear,
  input: Levels,
  group: Int4Group,
  feedback: Feedback,
  products: MatrixProducts,
): Promise<Int4Linear> {
  const { inputs, outputs } = shape;
  const { samples, factors } = feedback;
  const groups = Math.ceil(inputs / group);
  const scale = new Float32Array(outputs * groups);
  const levels = new Int8Array(outputs * inputs);
  // What rounding has done to the outputs of the samples so far, [outputs, samples].
  let drift: Matrix = { rows: outputs, columns: samples, values: new Float32Array(outputs * samples) };
  for (const block of feedback.blocks) {
    const { first, columns } = block;
    const corrections = samples === 0 ? undefined : await products.multiply(drift, block.answers);
    const errors = new Float32Array(outputs * columns);
    const rounder = new RowRounder(block, factors.subarray(first, first + columns), group);
    for (let row = 0; row < outputs; row += 1) {
      const at = row * inputs + first;
      rounder.round(
        weight.subarray(at, at + columns),
        corrections?.values.subarray(row * columns, (row + 1) * columns),
        levels.subarray(at, at + columns),
        scale.subarray(row * groups + first / group),
        errors.subarray(row * columns, (row + 1) * columns),
      );
    }
    if (samples === 0) continue;
    const change = await products.multiplyTransposed(
      { rows: outputs, columns, values: errors },
      block.effects,
    );
    add(change.values, drift.values);
    drift = change;
  }
  return { format: 'int4', shape, group, weight: packInt4(levels, outputs, group), scale, bias, input };
}

function add(to: Float32Array, values: Float32Array): void {
  for (let at = 0; at < to.length; at += 1) to[at] = (to[at] ?? 0) + (values[at] ?? 0);
}

/** Rounds one row's weights of a block. Its loops run a hundred million times: plain arrays, few divisions. */
class RowRounder {
  readonly #block: FeedbackBlock;
  readonly #factors: Float64Array;
  readonly #group: number;
  /** Weights as they should be now, not scaled. */
  readonly #targets: Float64Array;
  /** By input: square of the factor × cost. */
  readonly #importance: Float64Array;
  /** `within` of the block for weights that are not scaled. */
  readonly #within: Float64Array;

  constructor(block: FeedbackBlock, factors: Float32Array, group: number) {
    const { columns, within, costs } = block;
    this.#block = block;
    this.#factors = Float64Array.from(factors);
    this.#group = group;
    this.#targets = new Float64Array(columns);
    this.#importance = costs.map((cost, at) => cost * (factors[at] ?? 1) ** 2);
    this.#within = within.map((value, at) => value / (factors[at % columns] ?? 1));
  }

  /** Writes the levels, a scale per group, and the errors of the scaled weights. */
  round(
    weight: Float32Array,
    corrections: Float32Array | undefined,
    levels: Int8Array,
    scales: Float32Array,
    errors: Float32Array,
  ): void {
    const { columns } = this.#block;
    const targets = this.#targets;
    const factors = this.#factors;
    const within = this.#within;
    for (let at = 0; at < columns; at += 1) {
      const correction = corrections === undefined ? 0 : (corrections[at] ?? 0) / (factors[at] ?? 1);
      targets[at] = (weight[at] ?? 0) - correction;
    }
    for (let first = 0; first < columns; first += this.#group) {
      const end = Math.min(first + this.#group, columns);
      const scale = chooseScale(targets, this.#importance, first, end);
      const steps = 1 / scale;
      scales[first / this.#group] = scale;
      for (let at = first; at < end; at += 1) {
        const level = toLevel((targets[at] ?? 0) * steps);
        const error = (scale * level - (weight[at] ?? 0)) * (factors[at] ?? 1);
        levels[at] = level;
        errors[at] = error;
        const row = at * columns;
        for (let later = at + 1; later < columns; later += 1) {
          targets[later] = (targets[later] ?? 0) - error * (within[row + later] ?? 0);
        }
      }
    }
  }
}

/** The float32 scale of least weighted squared error for the targets first … end, with a sign. */
function chooseScale(targets: Float64Array, importance: Float64Array, first: number, end: number): number {
  let extreme = 0;
  for (let at = first; at < end; at += 1) {
    const value = targets[at] ?? 0;
    if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  }
  if (extreme === 0) return 1;
  let best = 1;
  let least = Number.POSITIVE_INFINITY;
  for (const divisor of DIVISORS) {
    const scale = Math.fround(-extreme / divisor);
    const error = roundingError(targets, importance, first, end, scale);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  // Its levels given, the scale of least squares.
  let [products, squares] = [0, 0];
  const steps = 1 / best;
  for (let at = first; at < end; at += 1) {
    const value = targets[at] ?? 0;
    const level = toLevel(value * steps);
    const weight = importance[at] ?? 1;
    products += weight * level * value;
    squares += weight * level * level;
  }
  const fitted = Math.fround(products / squares);
  return roundingError(targets, importance, first, end, fitted) < least ? fitted : best;
}

function roundingError(
  targets: Float64Array,
  importance: Float64Array,
  first: number,
  end: number,
  scale: number,
): number {
  const steps = 1 / scale;
  let sum = 0;
  for (let at = first; at < end; at += 1) {
    const value = targets[at] ?? 0;
    const error = value - scale * toLevel(value * steps);
    sum += error * error * (importance[at] ?? 1);
  }
  return sum;
}

function toLevel(steps: number): number {
  return Math.max(Math.min(Math.round(steps), HIGHEST), LOWEST);
}
