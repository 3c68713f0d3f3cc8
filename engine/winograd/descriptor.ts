// A convolution as the kernel sees it: a row of integers in memory, with how its tiles are cut into blocks
// and groups. The formulas are those of assembly/convolution.ts and assembly/map.ts.

import type { ManifestConvolution } from '../../core/manifest.ts';
import { ALGORITHMS, type Algorithm, mostParts, PROPERTIES } from './algorithm.ts';
import { roundUp } from './layout.ts';

/** The fields in memory, int32 each: those of `Convolution` in assembly/convolution.ts. */
export const DESCRIPTOR = [
  'algorithm',
  'images',
  'size',
  'pool',
  'inputChannels',
  'outputChannels',
  'input',
  'output',
  'weights',
  'bias',
  'scale',
  'rows',
  'panel',
  'sums',
  'block',
  'group',
  'part',
] as const;

type Descriptor = Record<(typeof DESCRIPTOR)[number], number>;

/** What the kernel needs to know of a convolution and where its operands lie: addresses in bytes. */
export interface PlacedConvolution {
  readonly layer: ManifestConvolution;
  readonly algorithm: Algorithm;
  /** Channels as they lie in memory. */
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly input: number;
  readonly output: number;
  /** The arranged weights. */
  readonly weights: number;
  readonly bias: number;
  readonly scale: number;
}

/** Addresses of the room that all layers share, one at a time. */
export interface Workspace {
  readonly rows: number;
  readonly panel: number;
  readonly sums: number;
}

/** Output channels whose weights are transformed together. */
const PANEL = 32;

/** Between planes, so that a power-of-two stride does not put all of them into the same cache sets. */
const PLANE_GAP = 64;

/** Rows of one product: with 512 channels they fill half of a 128 KiB cache. */
const BLOCK_ROWS = 56;

/** Transformed input held at a time: all of it for the later layers, where weights are many. */
const GROUP_BYTES = 4 * 1024 * 1024;

/** Pixels from row to row of a padded map of `size` × `size`. */
export function paddedSide(size: number): number {
  return roundUp(size, 4) + 2;
}

/**
 * Room that the algorithm needs for one group's transformed input, one panel, one block's sums (for any weights).
 * The first layer reads its input where it lies and keeps its sums in registers.
 */
export function workspace(algorithm: Algorithm, size: number, images: number, inputChannels: number) {
  const { planes, rows, depth } = PROPERTIES[algorithm];
  const { block, group } = schedule(algorithm, size, images, inputChannels);
  const panel = planes * (PANEL * depth(inputChannels) * 2 + PLANE_GAP);
  if (algorithm === 'first') return { rows: 0, panel, sums: 0 };
  return {
    rows: (group / block) * blockBytes(algorithm, inputChannels, block),
    panel,
    sums: mostParts(algorithm, inputChannels) * planes * (block * rows * PANEL * 4 + PLANE_GAP),
  };
}

/** Bytes of a block's transformed input. */
function blockBytes(algorithm: Algorithm, inputChannels: number, block: number): number {
  const { planes, rows, depth } = PROPERTIES[algorithm];
  return planes * (block * rows * depth(inputChannels) * 2 + PLANE_GAP);
}

/** Tiles per block, all blocks about the same, and tiles per group: whole blocks. */
function schedule(algorithm: Algorithm, size: number, images: number, inputChannels: number) {
  const { edge, rows } = PROPERTIES[algorithm];
  const tiles = images * Math.ceil(size / edge) ** 2;
  const blocks = Math.ceil((tiles * rows) / BLOCK_ROWS);
  // The product takes at least two rows.
  const block = Math.max(Math.ceil(tiles / blocks), 2);
  const fitting = Math.floor(GROUP_BYTES / blockBytes(algorithm, inputChannels, block));
  return { block, group: block * Math.max(Math.min(fitting, Math.ceil(tiles / block)), 1) };
}

/** The descriptor for a pass of `images` images that sums `part` input channels at a time. */
export function describeConvolution(
  plan: Workspace,
  planned: PlacedConvolution,
  part: number,
  images: number,
): Descriptor {
  const { layer, algorithm, inputChannels, outputChannels, input, output, weights, bias, scale } = planned;
  return {
    algorithm: ALGORITHMS[algorithm],
    images,
    size: layer.size,
    pool: Math.min(layer.pools, 1),
    inputChannels,
    outputChannels,
    input,
    output,
    weights,
    bias,
    scale,
    rows: plan.rows,
    panel: plan.panel,
    sums: plan.sums,
    ...schedule(algorithm, layer.size, images, inputChannels),
    part,
  };
}
