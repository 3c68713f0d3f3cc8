// A linear layer → two of lower rank: a truncated singular value decomposition by random projections (Halko,
// Martinsson & Tropp 2011, arXiv:0909.4061), which takes products with the matrix instead of decomposing it.

import { Matrix as DoubleMatrix, EigenvalueDecomposition } from 'ml-matrix';
import type { Matrix, MatrixProducts } from './matrix-product.ts';
import { createRandom } from './random.ts';

/** Random directions beyond those asked for. */
const OVERSAMPLING = 64;
/** Products with W Wᵀ that turn random directions towards the largest singular vectors. */
const ITERATIONS = 2;
/** Against singular Gram matrices: of their trace. */
const SHIFT = 1e-6;

/** W ≈ up · down, columns of `up` orthonormal, by falling singular value: the first r are the best of rank r. */
export interface Factors {
  /** [out, rank] */
  readonly up: Matrix;
  /** [rank, in] */
  readonly down: Matrix;
}

/**
 * The best factors of `weight` [out, in] of a rank, at most `rank`, for inputs whose root mean squares are `sizes`
 * (one per input, > 0): of W diag(sizes), so that errors count as much as they show in the output.
 */
export async function factorise(
  weight: Matrix,
  rank: number,
  sizes: Float32Array,
  products: MatrixProducts,
): Promise<Factors> {
  const { rows, columns, values } = weight;
  const sized = { rows, columns, values: values.map((value, at) => value * (sizes[at % columns] ?? 1)) };
  const width = Math.min(rank + OVERSAMPLING, rows, columns);
  let range = await orthonormal(await products.multiply(sized, gaussian(columns, width)), products);
  for (let iteration = 0; iteration < ITERATIONS; iteration += 1) {
    const turned = await orthonormal(await products.transposedMultiply(sized, range), products);
    range = await orthonormal(await products.multiply(sized, turned), products);
  }
  const projected = await products.transposedMultiply(range, sized);
  const directions = principalDirections(await products.multiplyTransposed(projected, projected), rank);
  const down = await products.transposedMultiply(directions, projected);
  return {
    up: await products.multiply(range, directions),
    down: { ...down, values: down.values.map((value, at) => value / (sizes[at % columns] ?? 1)) },
  };
}

/** The first `rank` of the factors. */
export function truncate({ up, down }: Factors, rank: number): Factors {
  const values = new Float32Array(up.rows * rank);
  for (let row = 0; row < up.rows; row += 1) {
    values.set(up.values.subarray(row * up.columns, row * up.columns + rank), row * rank);
  }
  return {
    up: { rows: up.rows, columns: rank, values },
    down: { rows: rank, columns: down.columns, values: down.values.subarray(0, rank * down.columns) },
  };
}

function gaussian(rows: number, columns: number): Matrix {
  const random = createRandom(1);
  // Box and Muller's; 1 − random is never 0.
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return { rows, columns, values: Float32Array.from({ length: rows * columns }, normal) };
}

/** An orthonormal basis of the columns, by Cholesky's decomposition of the Gram matrix, twice for its rounding. */
async function orthonormal(basis: Matrix, products: MatrixProducts): Promise<Matrix> {
  let current = basis;
  for (let pass = 0; pass < 2; pass += 1) {
    const gram = await products.transposedMultiply(current, current);
    current = await products.multiply(current, inverseRoot(gram));
  }
  return current;
}

/** R⁻¹, upper triangular, of `gram` + shift = Rᵀ R. */
function inverseRoot({ rows, values }: Matrix): Matrix {
  let trace = 0;
  for (let at = 0; at < rows; at += 1) trace += values[at * (rows + 1)] ?? 0;
  // L of L Lᵀ, row by row: R is its transpose.
  const lower = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = (values[i * rows + j] ?? 0) + (i === j ? SHIFT * trace : 0);
      for (let k = 0; k < j; k += 1) sum -= (lower[i * rows + k] ?? 0) * (lower[j * rows + k] ?? 0);
      const diagonal = lower[j * rows + j] ?? 1;
      lower[i * rows + j] =
        i === j ? Math.sqrt(Math.max(sum, SHIFT * trace, Number.MIN_VALUE)) : sum / diagonal;
    }
  }
  return { rows, columns: rows, values: transposedInverse(lower, rows) };
}

/** (L⁻¹)ᵀ of a lower triangular L. */
function transposedInverse(lower: Float64Array, size: number): Float32Array {
  // Row j of `inverse` is column j of L⁻¹, so that both inner loops read along rows.
  const inverse = new Float64Array(size * size);
  for (let j = 0; j < size; j += 1) {
    inverse[j * size + j] = 1 / (lower[j * size + j] ?? 1);
    for (let i = j + 1; i < size; i += 1) {
      let sum = 0;
      for (let k = j; k < i; k += 1) sum -= (lower[i * size + k] ?? 0) * (inverse[j * size + k] ?? 0);
      inverse[j * size + i] = sum / (lower[i * size + i] ?? 1);
    }
  }
  return Float32Array.from(inverse);
}

/** Eigenvectors of the largest `rank` eigenvalues of a symmetric matrix, as columns. */
function principalDirections({ rows, values }: Matrix, rank: number): Matrix {
  const symmetric = new DoubleMatrix(rows, rows);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < rows; column += 1) {
      const [a = 0, b = 0] = [values[row * rows + column], values[column * rows + row]];
      symmetric.set(row, column, (a + b) / 2);
    }
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, {
    assumeSymmetric: true,
  });
  const order = realEigenvalues
    .map((value, index) => ({ value, index }))
    .toSorted((a, b) => b.value - a.value)
    .slice(0, rank);
  const directions = new Float32Array(rows * order.length);
  for (let row = 0; row < rows; row += 1) {
    order.forEach(({ index }, column) => {
      directions[row * order.length + column] = eigenvectorMatrix.get(row, index);
    });
  }
  return { rows, columns: order.length, values: directions };
}
