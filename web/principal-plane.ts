// Vectors → places on a plane: the first two principal components, by power iteration on the centred vectors
// themselves. Neither their Gram matrix nor their covariance is made: thousands of vectors take a moment.

export type Place = readonly [x: number, y: number];

const MAX_ROUNDS = 60;
/** An axis that turns by less than this (1 − cosine) between two rounds stands. */
const STILL = 1e-9;

/** One place per vector, within −1…1 on both axes and with one scale for both. All of one length. */
export function principalPlane(vectors: readonly Float32Array[]): Place[] {
  const centred = centre(vectors);
  const first = principalAxis(centred, undefined);
  const second = principalAxis(centred, first);
  const xs = centred.map((vector) => dot(vector, first));
  const ys = centred.map((vector) => dot(vector, second));
  const extent = Math.max(largest(xs), largest(ys), Number.MIN_VALUE);
  return xs.map((x, index) => [x / extent, (ys[index] ?? 0) / extent]);
}

function centre(vectors: readonly Float32Array[]): Float64Array[] {
  const mean = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) addTo(mean, vector, 1 / vectors.length);
  return vectors.map((vector) => mean.map((value, index) => (vector[index] ?? 0) - value));
}

/** The direction of the largest spread at a right angle to `without`; zeros where nothing is spread. */
function principalAxis(vectors: readonly Float64Array[], without: Float64Array | undefined): Float64Array {
  // The same on every visit, and along no coordinate.
  let axis: Float64Array = Float64Array.from(vectors[0] ?? [], (_, index) => Math.sin(index + 1));
  unit(axis);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const next = new Float64Array(axis.length);
    for (const vector of vectors) addTo(next, vector, dot(vector, axis));
    if (without !== undefined) addTo(next, without, -dot(next, without));
    if (!unit(next)) return next;
    const turned = 1 - Math.abs(dot(axis, next));
    axis = next;
    if (turned < STILL) break;
  }
  return axis;
}

function addTo(sum: Float64Array, vector: ArrayLike<number>, factor: number): void {
  for (let index = 0; index < sum.length; index += 1) {
    sum[index] = (sum[index] ?? 0) + factor * (vector[index] ?? 0);
  }
}

/** To length 1, in place; false, and zeros, where what is there is the rounding of nothing. */
function unit(vector: Float64Array): boolean {
  const length = Math.sqrt(dot(vector, vector));
  const isNothing = length < 1e-12;
  vector.forEach((value, index) => {
    vector[index] = isNothing ? 0 : value / length;
  });
  return !isNothing;
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}
