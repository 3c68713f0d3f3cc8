// Which algorithm computes a convolution: the fastest for its size among those that are exact for its
// weights. docs/winograd.md proves the bounds.

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
  /** Every |sum| must stay below; sums themselves are int32, as those of QLinearConv. */
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

/** From the most demanding of its bound to the one without. */
const BY_LIMIT: readonly Algorithm[] = ['winograd4', 'winograd2', 'direct'];

/**
 * Time to transform a layer's weights, in tiles: what each plane costs beside its products, measured
 * (docs/winograd.md).
 */
const WEIGHTS_IN_TILES = 7;

/** The algorithm with the fewest products for maps of this size, whatever the weights. */
export function fastestAlgorithm(size: number, images: number): Algorithm {
  const cost = (algorithm: Algorithm) => {
    const { edge, planes, rows, depth } = PROPERTIES[algorithm];
    const tiles = images * Math.ceil(size / edge) ** 2;
    return planes * depth(1) * (tiles * rows + WEIGHTS_IN_TILES);
  };
  return BY_LIMIT.reduce((best, next) => (cost(next) < cost(best) ? next : best));
}

/** `wanted` and what may stand in for it, down to the first that is exact for weights up to `bound`. */
export function fallbacks(wanted: Algorithm, bound: number): Algorithm[] {
  const candidates = BY_LIMIT.includes(wanted) ? BY_LIMIT.slice(BY_LIMIT.indexOf(wanted)) : [wanted];
  const exact = candidates.findIndex((algorithm) => isExact(algorithm, bound));
  return candidates.slice(0, exact + 1);
}

/**
 * Whether every sum is exact: `bound` is the largest of Σ w⁺ and Σ |w⁻| of any output channel, the input
 * uint8 with zero point 0.
 */
export function isExact(algorithm: Algorithm, bound: number): boolean {
  return LARGEST_LEVEL * bound < PROPERTIES[algorithm].limit;
}
