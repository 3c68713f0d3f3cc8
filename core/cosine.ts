// How alike two vectors are.

/** Σ aᵢ·bᵢ in float64: of two vectors of Euclidean length 1 the cosine, but for rounding. NaN where the lengths differ. */
export function dot(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.NaN;
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}

/**
 * Of two vectors of any length, −1 to 1 but for rounding. Zeros are like themselves (1) and unlike all else
 * (0); NaN where the numbers of values differ or one of them is not finite.
 */
export function cosine(a: Float32Array, b: Float32Array): number {
  const [product, squaresA, squaresB] = [dot(a, b), dot(a, a), dot(b, b)];
  if (squaresA === 0 || squaresB === 0) return (squaresA === squaresB ? 1 : 0) + 0 * product;
  return product / Math.sqrt(squaresA * squaresB);
}
