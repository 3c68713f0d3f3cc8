// Where the error of rounding a weight can go: onto weights that are not rounded yet, so that the layer's output
// on sampled inputs changes least. The update of optimal brain surgeon as GPTQ orders it (Frantar et al. 2022,
// arXiv:2210.17323), with the Hessian of as many dimensions as there are samples instead of inputs: 25088² entries
// would be 2.5 GB, a few hundred² are nothing.
//
// Errors are weighed by H = D½ (I + ZᵀZ) D½: the samples' own correlations, and a diagonal D that stands for all that
// was not sampled. With D = λ × energy per input, Z = samples × D⁻½.

import { inputSizes, normalised } from './input-sizes.ts';
import type { Matrix, MatrixProducts } from './matrix-product.ts';

/** Inputs that are handled at once: a whole number of any group of 4-bit weights. */
export const BLOCK = 128;

/** Weight of what was not sampled, against the samples' mean energy per input. */
const DAMPING = 3;

/** For one block of inputs, first … first + columns. */
export interface FeedbackBlock {
  readonly first: number;
  readonly columns: number;
  /** Z, [samples, columns]: what an error of a scaled weight does to the outputs of the samples. */
  readonly effects: Matrix;
  /** [samples, columns]: how much a scaled weight must move against errors of earlier blocks. */
  readonly answers: Matrix;
  /** [columns, columns]: entry (k, j), k < j, is the same for an error of weight k within the block. */
  readonly within: Float64Array;
  /** [columns]: what the squared error of a scaled weight costs once all later ones have answered. */
  readonly costs: Float64Array;
}

export interface Feedback {
  readonly samples: number;
  /** [inputs]: a scaled weight is weight × this. */
  readonly factors: Float32Array;
  /** In the order of the inputs. */
  readonly blocks: readonly FeedbackBlock[];
}

/** `samples` are inputs of the layer, [samples, inputs]; each has the same say, whatever its energy. */
export async function prepareFeedback(samples: Matrix, products: MatrixProducts): Promise<Feedback> {
  const { rows, columns: inputs } = samples;
  const unit = normalised(samples);
  const factors = inputSizes(unit).map((size) => size * Math.sqrt(DAMPING * rows));
  const blocks: FeedbackBlock[] = [];
  // M = (I + Σ z zᵀ over the inputs behind)⁻¹, [samples, samples].
  let inverse = identity(rows);
  for (let first = Math.floor((inputs - 1) / BLOCK) * BLOCK; first >= 0; first -= BLOCK) {
    const columns = Math.min(BLOCK, inputs - first);
    const effects = scaledColumns(unit, factors, first, columns);
    const answered = await products.multiply(inverse, effects);
    const gram = await products.transposedMultiply(effects, answered);
    const factor = reverseCholesky(gram);
    const directions = await products.multiplyTransposed(answered, inverseOf(factor, columns));
    const change = await products.multiplyTransposed(directions, directions);
    inverse = { ...inverse, values: inverse.values.map((value, at) => value - (change.values[at] ?? 0)) };
    blocks.push({ first, columns, effects, ...solve(factor, directions) });
  }
  return { samples: rows, factors, blocks: blocks.reverse() };
}

function scaledColumns(
  { rows, columns: stride, values }: Matrix,
  factors: Float32Array,
  first: number,
  columns: number,
): Matrix {
  const scaled = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const at = first + column;
      scaled[row * columns + column] = (values[row * stride + at] ?? 0) / (factors[at] ?? 1);
    }
  }
  return { rows, columns, values: scaled };
}

function identity(rows: number): Matrix {
  const values = new Float32Array(rows * rows);
  for (let row = 0; row < rows; row += 1) values[row * (rows + 1)] = 1;
  return { rows, columns: rows, values };
}

/** U, upper triangular, of I + `gram` = U Uᵀ. */
function reverseCholesky({ rows, values }: Matrix): Float64Array {
  const factor = new Float64Array(rows * rows);
  for (let j = rows - 1; j >= 0; j -= 1) {
    for (let i = j; i >= 0; i -= 1) {
      let sum = (values[i * rows + j] ?? 0) + Number(i === j);
      for (let k = j + 1; k < rows; k += 1) {
        sum -= (factor[i * rows + k] ?? 0) * (factor[j * rows + k] ?? 0);
      }
      // Rounding of the products must not make a root of what is at least 1.
      factor[i * rows + j] = i === j ? Math.sqrt(Math.max(sum, 1)) : sum / (factor[j * rows + j] ?? 1);
    }
  }
  return factor;
}

/** U⁻¹, [size, size] */
function inverseOf(factor: Float64Array, size: number): Matrix {
  const inverse = new Float64Array(size * size);
  for (let j = 0; j < size; j += 1) {
    inverse[j * size + j] = 1 / (factor[j * size + j] ?? 1);
    for (let i = j - 1; i >= 0; i -= 1) {
      let sum = 0;
      for (let k = i + 1; k <= j; k += 1) sum -= (factor[i * size + k] ?? 0) * (inverse[k * size + j] ?? 0);
      inverse[i * size + j] = sum / (factor[i * size + i] ?? 1);
    }
  }
  return { rows: size, columns: size, values: Float32Array.from(inverse) };
}

/** With Y of the block's inputs: answers = Y U⁻ᵀ ÷ diagonal, within = U ÷ diagonal of its columns. */
function solve(
  factor: Float64Array,
  directions: Matrix,
): Pick<FeedbackBlock, 'answers' | 'within' | 'costs'> {
  const { columns, values } = directions;
  const diagonal = Float64Array.from({ length: columns }, (_, at) => factor[at * (columns + 1)] ?? 1);
  return {
    answers: { ...directions, values: values.map((value, at) => value / (diagonal[at % columns] ?? 1)) },
    within: factor.map((value, at) => value / (diagonal[at % columns] ?? 1)),
    costs: diagonal.map((value) => value * value),
  };
}

/** For rounding every weight for itself. */
export function noFeedback(inputs: number): Feedback {
  const blocks: FeedbackBlock[] = [];
  for (let first = 0; first < inputs; first += BLOCK) {
    const columns = Math.min(BLOCK, inputs - first);
    const none = { rows: 0, columns, values: new Float32Array() };
    const within = new Float64Array(columns * columns);
    blocks.push({
      first,
      columns,
      effects: none,
      answers: none,
      within,
      costs: new Float64Array(columns).fill(1),
    });
  }
  return { samples: 0, factors: new Float32Array(inputs).fill(1), blocks };
}
