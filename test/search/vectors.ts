// Vectors for tests and benchmarks, distributed like descriptors: clusters of different size and width,
// non-negative in part, never uniform noise, whose nearest neighbours mean nothing.

import { createRandom } from '../../model-build/random.ts';

/** Normally distributed numbers: Box and Muller 1958. */
export function seededNormal(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export interface ClusterOptions {
  readonly clusters: number;
  readonly dimensions: number;
  readonly seed: number;
}

/**
 * Draws from a mixture of Gaussians of Euclidean length 1: clusters of unequal weight, each with a width of
 * its own and a few directions in which it is wider.
 */
export function clusteredVectors({ clusters, dimensions, seed }: ClusterOptions): () => Float32Array {
  const random = createRandom(seed);
  const normal = seededNormal(random);
  const draw = () => Float32Array.from({ length: dimensions }, normal);
  const centres = Array.from({ length: clusters }, () => ({
    mean: draw().map((value) => Math.max(0, value)),
    width: 0.2 + 0.6 * random(),
    directions: Array.from({ length: 4 }, draw),
  }));
  return () => {
    const centre = centres[Math.floor(random() ** 2 * clusters)];
    if (centre === undefined) throw new RangeError('Expected at least one cluster');
    const along = centre.directions.map((direction) => ({ direction, amount: 0.3 * normal() }));
    const vector = centre.mean.map((value, index) =>
      along.reduce(
        (sum, { direction, amount }) => sum + amount * (direction[index] ?? 0),
        value + centre.width * normal(),
      ),
    );
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
  };
}
