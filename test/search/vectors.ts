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

/** Directions in which a cluster is wide: about the intrinsic dimension of image descriptors. */
const DIRECTIONS = 24;

/**
 * Draws from a mixture of Gaussians, of Euclidean length 1: clusters of unequal weight, each long in a few
 * directions of its own and thin in all others.
 */
export function clusteredVectors({ clusters, dimensions, seed }: ClusterOptions): () => Float32Array {
  const random = createRandom(seed);
  const normal = seededNormal(random);
  const draw = () => Float32Array.from({ length: dimensions }, normal);
  const centres = Array.from({ length: clusters }, () => ({
    mean: draw().map((value) => Math.max(0, value)),
    width: 0.05 + 0.1 * random(),
    directions: Array.from({ length: DIRECTIONS }, draw),
  }));
  return () => {
    const centre = centres[Math.floor(random() ** 2 * clusters)];
    if (centre === undefined) throw new RangeError('Expected at least one cluster');
    const vector = Float32Array.from(centre.mean);
    centre.directions.forEach((direction, rank) => {
      const amount = (0.5 * normal()) / Math.sqrt(1 + rank);
      for (let index = 0; index < dimensions; index += 1) {
        vector[index] = (vector[index] ?? 0) + amount * (direction[index] ?? 0);
      }
    });
    let squares = 0;
    for (let index = 0; index < dimensions; index += 1) {
      const value = (vector[index] ?? 0) + centre.width * normal();
      vector[index] = value;
      squares += value * value;
    }
    const length = Math.sqrt(squares);
    return vector.map((value) => value / length);
  };
}
