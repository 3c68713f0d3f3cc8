// A matrix too large for one shard is stored in pieces of whole rows.

import { InputError } from '../core/errors.ts';
import { MAX_SHARD_BYTES, weightRow } from '../core/manifest.ts';
import type { QuantisedLinear } from './network.ts';

/** Rows per piece are a multiple of this, so that kernels see whole blocks. */
const ROW_BLOCK = 64;

export interface RowPiece {
  /** `<layer>.weight`, or `<layer>.weight.1`, … where there are several. */
  readonly name: string;
  readonly start: number;
  readonly rows: number;
}

/**
 * Rows of a piece of 4-bit weights: onnxruntime unpacks a piece at a time, and so needs room for one only
 * (int4-graph.ts).
 */
const INT4_ROWS = 256;

/** The pieces in which the weights of a layer are stored. Throws InputError as rowPieces does. */
export function storedPieces(linear: QuantisedLinear): RowPiece[] {
  const { name, inputs, outputs } = linear.shape;
  if (linear.format === 'int8') return rowPieces(name, outputs, inputs, 1);
  const rowBytes = weightRow(inputs, linear).reduce((product, side) => product * side, 1);
  return rowPieces(name, outputs, rowBytes, 1, INT4_ROWS);
}

/**
 * The pieces of a matrix [rows, columns] whose elements have `elementBytes`, in order, each at most a shard and
 * `mostRows`. Throws InputError when even one block of rows is larger than that.
 */
export function rowPieces(
  layer: string,
  rows: number,
  columns: number,
  elementBytes: number,
  mostRows = Number.POSITIVE_INFINITY,
): RowPiece[] {
  const fitting = Math.min(Math.floor(MAX_SHARD_BYTES / (columns * elementBytes)), mostRows);
  if (rows <= fitting) return [{ name: `${layer}.weight`, start: 0, rows }];
  const step = fitting - (fitting % ROW_BLOCK);
  if (step === 0) {
    throw new InputError(
      'invalid_weights',
      `Expected ${ROW_BLOCK} rows of ${layer} to fit a shard of ${MAX_SHARD_BYTES} bytes but a row has ${columns * elementBytes}.`,
      { param: layer },
    );
  }
  return Array.from({ length: Math.ceil(rows / step) }, (_, index) => ({
    name: `${layer}.weight.${index + 1}`,
    start: index * step,
    rows: Math.min(step, rows - index * step),
  }));
}
