// Which algorithm computes a convolution, and how many input channels it may sum at once and stay exact.
// docs/winograd.md proves the bounds.

/** The numbers of assembly/convolution.ts. */
export const ALGORITHMS = { first: 1, direct: 2, winograd2: 3, winograd4: 4 } as const;

export type Algorithm = keyof typeof ALGORITHMS;

/** What one algorithm is, for plans and proofs. */
interface Properties {
  /** Output pixels along a tile's edge. */
  readonly edge: number;
  /** Positions of the transformed domain, each with a matrix product. */
  readonly planes: number;
  /** Rows of the product per tile. */
  readonly rows: number;
  /** Length of a row. */
  depth(channels: number): number;
  /** The sum over a part of the input channels is exact as long as its magnitude stays below. */
  readonly limit: number;
}

export const PROPERTIES: Readonly<Record<Algorithm, Properties>> = {
  first: { edge: 2, planes: 1, rows: 4, depth: () => 32, limit: Number.POSITIVE_INFINITY },
  direct: { edge: 2, planes: 1, rows: 4, depth: (channels) => channels * 9, limit: Number.POSITIVE_INFINITY },
  winograd2: { edge: 2, planes: 16, rows: 1, depth: (channels) => channels, limit: 2 ** 29 },
  winograd4: { edge: 4, planes: 36, rows: 1, depth: (channels) => channels, limit: 2 ** 25 },
};

/** Largest uint8 level. */
const LARGEST_LEVEL = 255;

/** Largest magnitude of the nine int8 weights of an input channel. */
const LARGEST_TAPS = 9 * 128;

/** Channels are padded to whole vectors of levels. */
export const LANES = 8;

/**
 * Time to transform a layer's weights, in tiles: what each plane costs beside its products, measured
 * (docs/winograd.md).
 */
const WEIGHTS_IN_TILES = 3;

const CANDIDATES: readonly Algorithm[] = ['winograd4', 'winograd2', 'direct'];

/** The algorithm with the fewest products for maps of this size; for all but the first layer. */
export function fastestAlgorithm(size: number, images: number): Algorithm {
  const cost = (algorithm: Algorithm) => {
    const { edge, planes, rows, depth } = PROPERTIES[algorithm];
    const tiles = images * Math.ceil(size / edge) ** 2;
    return planes * depth(1) * (tiles * rows + WEIGHTS_IN_TILES);
  };
  return CANDIDATES.reduce((best, next) => (cost(next) < cost(best) ? next : best));
}

/**
 * Whether a sum is exact: `bound` is the largest of Σ w⁺ and Σ |w⁻| over the weights it has, the input
 * uint8 with zero point 0.
 */
export function isExact(algorithm: Algorithm, bound: number): boolean {
  return LARGEST_LEVEL * bound < PROPERTIES[algorithm].limit;
}

/** Most parts that any weights can need. */
export function mostParts(algorithm: Algorithm, inputChannels: number): number {
  let parts = 1;
  while (!isExact(algorithm, LARGEST_TAPS * partChannels(inputChannels, parts))) parts += 1;
  return parts;
}

/** Channels of each of so many parts, the last of which may be smaller: a multiple of LANES. */
export function partChannels(inputChannels: number, parts: number): number {
  return Math.ceil(inputChannels / LANES / parts) * LANES;
}
