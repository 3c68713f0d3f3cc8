// The head of a manifest → where everything lies in memory, behind the backbone.

import { type Manifest, type ManifestLinear, weightRow } from '../../core/manifest.ts';
import { type Tap, tapOfLinear } from '../../core/taps.ts';
import { type Layout, roundUp } from './layout.ts';
import type { Placement } from './load-tensors.ts';

/** A matrix or a piece of it: whole rows. */
export interface PlannedPiece {
  readonly name: string;
  readonly start: number;
  readonly rows: number;
  readonly weights: number;
}

/** A linear layer with its addresses. */
export interface PlannedLinear {
  readonly layer: ManifestLinear;
  /** What its output is called, where it is a tap. */
  readonly tap: Tap | undefined;
  /** Inputs as their levels lie in memory, padded with zeros. */
  readonly paddedInputs: number;
  /** Scales per row. */
  readonly groups: number;
  readonly pieces: readonly PlannedPiece[];
  /** float32 [outputs][groups] */
  readonly scale: number;
  /** float32 [outputs], 0 without a bias. */
  readonly bias: number;
  /** float32 [images][outputs] */
  readonly output: number;
}

export interface HeadPlan {
  readonly images: number;
  /** float32 [images][features] */
  readonly input: number;
  /** int16 levels of the layer at work, [images][padded inputs] */
  readonly levels: number;
  /** The same in the order of 4-bit weights, and what it takes to take away their 8. */
  readonly arranged: number;
  readonly offsets: number;
  readonly linears: readonly PlannedLinear[];
}

/** Images for which the engine reads the head's weights once. */
export const HEAD_IMAGES = 8;

/** Inputs are padded with zeros to whole vectors of int8. */
const LANES = 16;

export function planHead(manifest: Manifest, images: number, layout: Layout): HeadPlan {
  const input = layout.take(images * (manifest.linears[0]?.inputs ?? 0) * 4);
  const linears = manifest.linears.map((layer): PlannedLinear => {
    const { name, inputs, outputs, weight } = layer;
    const paddedInputs = roundUp(inputs, weight?.group ?? LANES);
    const groups = weight === undefined ? 1 : paddedInputs / weight.group;
    return {
      layer,
      tap: tapOfLinear(name),
      paddedInputs,
      groups,
      pieces: planPieces(manifest, layer, layout),
      scale: layout.take(outputs * groups * 4),
      bias: layer.bias ? layout.take(outputs * 4) : 0,
      output: layout.take(images * outputs * 4),
    };
  });
  const widest = Math.max(...linears.map(({ paddedInputs }) => paddedInputs));
  const packed = linears.filter(({ layer }) => layer.weight !== undefined);
  const widestPacked = Math.max(0, ...packed.map(({ paddedInputs }) => paddedInputs));
  const mostGroups = Math.max(0, ...packed.map(({ groups }) => groups));
  return {
    images,
    input,
    levels: layout.take(images * widest * 2),
    arranged: layout.take(images * widestPacked * 2),
    offsets: layout.take(images * mostGroups * OFFSET_BYTES),
    linears,
  };
}

/** A vector per group. */
const OFFSET_BYTES = 16;

function planPieces(manifest: Manifest, layer: ManifestLinear, layout: Layout): PlannedPiece[] {
  const rowBytes = weightRow(layer.inputs, layer.weight).reduce((product, side) => product * side, 1);
  let start = 0;
  return layer.weights.map((name) => {
    const [rows = 0] = manifest.tensors[name]?.shape ?? [];
    // The kernel reads whole vectors past the end of the last row.
    const piece = { name, start, rows, weights: layout.take(rows * rowBytes + LANES) };
    start += rows;
    return piece;
  });
}

/** The tensors of the head and their places. */
export function headPlacements({ linears }: HeadPlan): Placement[] {
  return linears.flatMap(({ layer, groups, pieces, scale, bias }): Placement[] => {
    const { name, inputs, outputs, weight } = layer;
    const matrices = pieces.map((piece): Placement => {
      const shape = [piece.rows, ...weightRow(inputs, weight)];
      const dtype = weight === undefined ? 'int8' : 'uint8';
      return { name: piece.name, dtype, shape, address: piece.weights };
    });
    const scaleShape = weight === undefined ? [outputs] : [outputs, groups];
    const scales: Placement = { name: `${name}.scale`, dtype: 'float32', shape: scaleShape, address: scale };
    const biases: Placement = { name: `${name}.bias`, dtype: 'float32', shape: [outputs], address: bias };
    return [...matrices, scales, ...(layer.bias ? [biases] : [])];
  });
}
