// Fits PCA-whitening to descriptors: the directions in which they differ most, each scaled to variance 1.
// Jégou and Chum, "Negative evidences and co-occurrences in image retrieval: the benefit of PCA and
// whitening", ECCV 2012.

import { EigenvalueDecomposition, Matrix, QrDecomposition } from 'ml-matrix';
import { InputError } from '../core/errors.ts';
import type { Projection } from '../core/projection.ts';

export interface FittedProjection extends Projection {
  /** Variance along each direction, descending. */
  readonly variances: Float32Array;
  /** Share of the whole variance that each number of leading directions keeps, cumulative, 0…1. */
  readonly explained: Float32Array;
}

/** Directions beyond those asked for, which make the last of those accurate (Halko et al. 2011, §4.2). */
const OVERSAMPLING = 16;
const POWER_ITERATIONS = 4;
/** Added to every variance, as a share of the largest: a direction of pure noise is not blown up. */
const RIDGE = 1e-6;

/**
 * The projection of `vectors` (N of equal length, each of Euclidean length 1) to `dimensions` values. The
 * rows of its matrix are ordered by variance, so that a smaller fit is its first rows. Randomised subspace
 * iteration (Halko, Martinsson, Tropp 2011, arXiv:0909.4061): time N × length × dimensions.
 * `random` gives uniform numbers in [0, 1). Throws InputError when there are too few vectors.
 */
export function fitProjection(
  vectors: readonly Float32Array[],
  dimensions: number,
  random: () => number,
): FittedProjection {
  const inputs = vectors[0]?.length ?? 0;
  check(vectors, inputs, dimensions);
  const mean = meanOf(vectors, inputs);
  const centred = new Matrix(vectors.length, inputs);
  vectors.forEach((vector, row) => {
    vector.forEach((value, column) => {
      centred.set(row, column, value - (mean[column] ?? 0));
    });
  });

  const width = Math.min(dimensions + OVERSAMPLING, inputs, vectors.length);
  let basis = orthonormal(Matrix.rand(inputs, width, { random: () => random() - 0.5 }));
  const transposed = centred.transpose();
  for (let round = 0; round < POWER_ITERATIONS; round += 1) {
    basis = orthonormal(transposed.mmul(centred.mmul(basis)));
  }
  const inside = centred.mmul(basis);
  const covariance = inside
    .transpose()
    .mmul(inside)
    .div(vectors.length - 1);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(covariance, {
    assumeSymmetric: true,
  });
  const order = realEigenvalues
    .map((_, index) => index)
    .toSorted((a, b) => (realEigenvalues[b] ?? 0) - (realEigenvalues[a] ?? 0));
  const leading = order.slice(0, dimensions);
  const directions = basis.mmul(eigenvectorMatrix);

  const variances = Float32Array.from(leading, (index) => Math.max(0, realEigenvalues[index] ?? 0));
  const ridge = RIDGE * (variances[0] ?? 0);
  const matrix = new Float32Array(dimensions * inputs);
  leading.forEach((column, row) => {
    const factor = 1 / Math.sqrt((variances[row] ?? 0) + ridge || 1);
    // An eigenvector's sign is free: fixing it makes the same data give the same file.
    const sign = largestBySize(directions.getColumn(column)) < 0 ? -factor : factor;
    for (let index = 0; index < inputs; index += 1)
      matrix[row * inputs + index] = directions.get(index, column) * sign;
  });
  return { mean, matrix, variances, explained: cumulative(variances, totalVariance(centred)) };
}

function check(vectors: readonly Float32Array[], inputs: number, dimensions: number): void {
  if (!Number.isSafeInteger(dimensions) || dimensions < 1 || dimensions > inputs) {
    throw refused(
      `Expected 1 to ${inputs}, the values of a descriptor, for dimensions but found ${dimensions}.`,
    );
  }
  // N points span at most N − 1 directions.
  if (vectors.length <= dimensions) {
    throw refused(
      `Expected more than ${dimensions} images to fit ${dimensions} dimensions but found ${vectors.length}. Give more images or fewer dimensions.`,
    );
  }
  const odd = vectors.findIndex((vector) => vector.length !== inputs || !vector.every(Number.isFinite));
  if (odd !== -1) throw refused(`Expected ${inputs} finite values for descriptor ${odd} but found others.`);
}

function meanOf(vectors: readonly Float32Array[], inputs: number): Float32Array {
  const sums = new Float64Array(inputs);
  for (const vector of vectors) {
    for (let index = 0; index < inputs; index += 1) sums[index] = (sums[index] ?? 0) + (vector[index] ?? 0);
  }
  return Float32Array.from(sums, (sum) => sum / vectors.length);
}

function orthonormal(matrix: Matrix): Matrix {
  return new QrDecomposition(matrix).orthogonalMatrix;
}

function largestBySize(values: readonly number[]): number {
  return values.reduce((largest, value) => (Math.abs(value) > Math.abs(largest) ? value : largest), 0);
}

function totalVariance(centred: Matrix): number {
  return centred.norm('frobenius') ** 2 / (centred.rows - 1);
}

function cumulative(variances: Float32Array, total: number): Float32Array {
  let sum = 0;
  return variances.map((variance) => {
    sum += variance;
    return total === 0 ? 1 : Math.min(1, sum / total);
  });
}

function refused(message: string): InputError {
  return new InputError('invalid_argument', message, { param: 'dimensions' });
}
