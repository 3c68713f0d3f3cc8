// The head of a manifest → where everything lies in memory, behind the backbone.

import { ModelError } from '../../core/errors.ts';
import { linearShapes } from '../../core/family.ts';
import { configurationOf, type Manifest, type ManifestLinear } from '../../core/manifest.ts';
import type { Tap } from '../../core/taps.ts';
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
  readonly pieces: readonly PlannedPiece[];
  /** float32 [outputs] */
  readonly factor: number;
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
  readonly linears: readonly PlannedLinear[];
}

/** Inputs are padded with zeros to whole vectors of int8. */
const LANES = 16;

/** Inputs of a linear layer as its levels lie in memory. */
export function paddedInputs(inputs: number): number {
  return roundUp(inputs, LANES);
}

/** Throws ModelError('invalid_manifest') when the layers are not those of the network. */
export function planHead(manifest: Manifest, images: number, layout: Layout): HeadPlan {
  checkLinears(manifest);
  const { linears } = manifest;
  const widest = Math.max(...linears.map(({ inputs }) => paddedInputs(inputs)));
  return {
    images,
    input: layout.take(images * (linears[0]?.inputs ?? 0) * 4),
    levels: layout.take(images * widest * 2),
    linears: linears.map((layer) => ({
      layer,
      tap: tapOf(layer.name),
      pieces: planPieces(manifest, layer, layout),
      factor: layout.take(layer.outputs * 4),
      bias: layer.bias ? layout.take(layer.outputs * 4) : 0,
      output: layout.take(images * layer.outputs * 4),
    })),
  };
}

function planPieces(manifest: Manifest, { weights, inputs }: ManifestLinear, layout: Layout): PlannedPiece[] {
  let start = 0;
  return weights.map((name) => {
    const [rows = 0] = manifest.tensors[name]?.shape ?? [];
    // The kernel reads whole vectors past the end of the last row.
    const piece = { name, start, rows, weights: layout.take(rows * inputs + LANES) };
    start += rows;
    return piece;
  });
}

/** The tensors of the head and their places. */
export function headPlacements({ linears }: HeadPlan): Placement[] {
  return linears.flatMap(({ layer, pieces, factor, bias }): Placement[] => {
    const { name, inputs, outputs } = layer;
    const matrices = pieces.map(
      (piece): Placement => ({
        name: piece.name,
        dtype: 'int8',
        shape: [piece.rows, inputs],
        address: piece.weights,
      }),
    );
    const scale: Placement = { name: `${name}.scale`, dtype: 'float32', shape: [outputs], address: factor };
    const biases: Placement = { name: `${name}.bias`, dtype: 'float32', shape: [outputs], address: bias };
    return [...matrices, scale, ...(layer.bias ? [biases] : [])];
  });
}

/** The tap that a layer's output is: `fc6` of `fc6` or `fc6.up`, `scores` of `fc8`. */
function tapOf(layer: string): Tap | undefined {
  if (layer === 'fc6' || layer === 'fc6.up') return 'fc6';
  if (layer === 'fc7' || layer === 'fc7.up') return 'fc7';
  return layer === 'fc8' ? 'scores' : undefined;
}

function checkLinears(manifest: Manifest): void {
  const shapes = linearShapes(configurationOf(manifest));
  if (shapes.length !== manifest.linears.length) {
    throw invalid(`${shapes.length} linear layers`, `${manifest.linears.length}`);
  }
  for (const [index, shape] of shapes.entries()) {
    const layer = manifest.linears[index];
    for (const key of ['name', 'inputs', 'outputs', 'bias', 'relu'] as const) {
      if (layer?.[key] !== shape[key]) {
        throw invalid(`${key} ${shape[key]} for linear layer ${index + 1}`, `${layer?.[key]}`);
      }
    }
  }
}

function invalid(expected: string, found: string): ModelError {
  return new ModelError(
    'invalid_manifest',
    `Expected ${expected} in model.json but found ${found}. Build the model directory again.`,
  );
}
