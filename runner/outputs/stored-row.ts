// Rows as the outputs store them: vectors in the values of their dtype, scaled by core/quantise-vector.ts.

import { toBinary, toInt8, type VectorDtype } from '../../core/quantise-vector.ts';
import type { OutputOptions, OutputRow } from '../ports.ts';

/** What stands beside a vector. */
export interface RowFacts extends Pick<OutputRow, 'id' | 'sha256' | 'metadata'> {
  /** Of int8: value ≈ scale × q. */
  readonly scale?: number;
}

export interface StoredRow extends RowFacts {
  /** A copy: the vector that came may be written over. */
  readonly values: Float32Array | Int8Array | Uint8Array;
}

export function toStoredRow({ id, sha256, metadata, vector }: OutputRow, dtype: VectorDtype): StoredRow {
  if (dtype === 'int8') return { id, sha256, metadata, ...toInt8(vector) };
  const values = dtype === 'binary' ? toBinary(vector) : vector.slice();
  return { id, sha256, metadata, values };
}

/** Values per vector: eight bits are one of `binary`. */
export function storedWidth({ space, dtype }: OutputOptions): number {
  return dtype === 'binary' ? Math.ceil(space.dimensions / 8) : space.dimensions;
}

/** The vectors one behind the other, little-endian. */
export function joinValues(rows: readonly StoredRow[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(rows.reduce((sum, { values }) => sum + values.byteLength, 0));
  let end = 0;
  for (const { values } of rows) {
    joined.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), end);
    end += values.byteLength;
  }
  return joined;
}
