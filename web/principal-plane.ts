// Vectors → places on a plane: the first two principal components, by power iteration on the Gram matrix of
// the centred vectors (as small as there are vectors few).

export type Place = readonly [x: number, y: number];

const ROUNDS = 100;

/** One place per vector, within −1…1 on both axes and with one scale for both. All of one length. */
export function principalPlane(vectors: readonly Float32Array[]): Place[] {
  const centred = centre(vectors);
  const gram = centred.map((a) => Float64Array.from(centred, (b) => dot(a, b)));
  const x = principalAxis(gram);
  const y = principalAxis(deflate(gram, x));
  const extent = Math.max(...x.map(Math.abs), ...y.map(Math.abs), Number.MIN_VALUE);
  return vectors.map((_, index) => [(x[index] ?? 0) / extent, (y[index] ?? 0) / extent]);
}

function centre(vectors: readonly Float32Array[]): Float64Array[] {
  const mean = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) {
    for (let index = 0; index < mean.length; index += 1) {
      mean[index] = (mean[index] ?? 0) + (vector[index] ?? 0) / vectors.length;
    }
  }
  return vectors.map((vector) => mean.map((value, index) => (vector[index] ?? 0) - value));
}

/** The eigenvector of the largest eigenvalue, scaled by its square root: the coordinates on that axis. */
function principalAxis(gram: readonly Float64Array[]): Float64Array {
  // Not constant, which the centred Gram matrix maps to 0, and the same on every visit.
  let axis = Float64Array.from(gram, (_, index) => Math.sin(index + 1));
  let eigenvalue = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const next = Float64Array.from(gram, (row) => dot(row, axis));
    eigenvalue = Math.sqrt(dot(next, next));
    if (eigenvalue === 0) return next;
    axis = next.map((value) => value / eigenvalue);
  }
  return axis.map((value) => value * Math.sqrt(eigenvalue));
}

/** Without what lies on the axis. */
function deflate(gram: readonly Float64Array[], axis: Float64Array): Float64Array[] {
  return gram.map((row, i) => row.map((value, j) => value - (axis[i] ?? 0) * (axis[j] ?? 0)));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}
