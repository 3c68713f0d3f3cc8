// One convolution of the network as descriptor.ts describes it in memory. Every algorithm is the same three
// steps: transform the input into rows, multiply by the transformed weights, transform the sums back.

/** The fields of a descriptor, 32-bit integers, in the order of `DESCRIPTOR` in descriptor.ts. */
@unmanaged
export class Convolution {
  /** See the constants below. */
  algorithm: usize;
  images: usize;
  /** Side of the square map. */
  size: usize;
  /** 1 where a 2×2 max-pool follows at once. */
  pool: usize;
  /** Channels as they lie in memory: multiples of 8 (first layer: 3). */
  inputChannels: usize;
  outputChannels: usize;
  /** Padded maps (map.ts); the first layer's input is int16. */
  input: usize;
  output: usize;
  /** int8 [outputChannels][inputChannels / 8][9 taps][8], as arrange.ts leaves them; first layer: the shard's. */
  weights: usize;
  /** int32 and float32 [outputChannels]. */
  bias: usize;
  scale: usize;
  /** Room for one group's transformed input, one panel's transformed weights, one block's sums (of every part). */
  rows: usize;
  panel: usize;
  sums: usize;
  /** Tiles per product, and tiles for which the weights are transformed once: a multiple of it. */
  block: usize;
  group: usize;
  /** Input channels summed before a transform back: all, or parts within the bound of docs/winograd.md. */
  part: usize;
}

/** F(4×4, 3×3), F(2×2, 3×3), and direct: windows of 2 × 2 pixels gathered as rows; FIRST is its 3-channel form. */
export const FIRST: usize = 1;
export const DIRECT: usize = 2;
export const WINOGRAD_2: usize = 3;
export const WINOGRAD_4: usize = 4;

/** Output channels whose weights are transformed together. */
export const PANEL: usize = 32;
/** A row of sums. */
export const PANEL_BYTES: usize = PANEL * 4;

/** Between planes, so that a power-of-two stride does not put all of them into the same cache sets. */
const PLANE_GAP: usize = 64;

/** Output pixels along a tile's edge. */
@inline
export function tileEdge(algorithm: usize): usize {
  return algorithm == WINOGRAD_4 ? 4 : 2;
}

/** Positions of the transformed domain, each with a product of its own. */
@inline
export function planeCount(algorithm: usize): usize {
  return algorithm == WINOGRAD_4 ? 36 : algorithm == WINOGRAD_2 ? 16 : 1;
}

/** Length of a row. */
@inline
export function rowDepth(algorithm: usize, channels: usize): usize {
  return algorithm == FIRST ? 32 : algorithm == DIRECT ? channels * 9 : channels;
}

/** Rows that one tile needs. */
@inline
export function tileRows(algorithm: usize): usize {
  return algorithm == FIRST || algorithm == DIRECT ? 4 : 1;
}

/** Bytes from plane to plane of the transformed input, of the transformed weights, and of the sums. */
@inline
export function rowsPlane(algorithm: usize, channels: usize, block: usize): usize {
  return block * tileRows(algorithm) * rowDepth(algorithm, channels) * 2 + PLANE_GAP;
}

@inline
export function panelPlane(algorithm: usize, channels: usize): usize {
  return PANEL * rowDepth(algorithm, channels) * 2 + PLANE_GAP;
}

@inline
export function sumsPlane(algorithm: usize, block: usize): usize {
  return block * tileRows(algorithm) * PANEL * 4 + PLANE_GAP;
}
