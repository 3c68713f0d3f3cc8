// Vectors → bytes, for callers that ask for no JSON: plain rows, or a .npy file. What JSON would say beside
// them stands in headers.

import { encodeNpy, type NpyDtype } from '../core/npy.ts';
import { toBinary, toInt8, type VectorDtype } from '../core/quantise-vector.ts';
import type { StoredAnswer } from './answer-cache.ts';

export const VECTOR_FILE_TYPES = ['application/octet-stream', 'application/x-npy'] as const;
export type VectorFileType = (typeof VECTOR_FILE_TYPES)[number];

export interface VectorFileOptions {
  readonly dtype: VectorDtype;
  readonly type: VectorFileType;
  /** Its identity, where there is one. */
  readonly projection: string | undefined;
}

interface Row {
  readonly bytes: Uint8Array;
  readonly values: number;
  readonly scale?: number;
}

/**
 * [images, values] row-major, little-endian; bits are uint8 with eight values each. Headers: `x-shape`,
 * `x-dtype`, for int8 `x-scales` with one number per image, and `x-projection` where one gave the dimensions.
 */
export function vectorFile(
  vectors: readonly Float32Array[],
  { dtype, type, projection }: VectorFileOptions,
): StoredAnswer {
  const rows = vectors.map((vector) => toRow(vector, dtype));
  const data = new Uint8Array(rows.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let offset = 0;
  for (const { bytes } of rows) {
    data.set(bytes, offset);
    offset += bytes.length;
  }
  const shape = [rows.length, rows[0]?.values ?? 0];
  const stored: NpyDtype = dtype === 'binary' ? 'uint8' : dtype;
  return {
    headers: {
      'content-type': type,
      'x-shape': shape.join(', '),
      'x-dtype': stored,
      ...(projection === undefined ? {} : { 'x-projection': projection }),
      ...(dtype === 'int8' ? { 'x-scales': rows.map(({ scale }) => scale).join(', ') } : {}),
    },
    body: type === 'application/x-npy' ? encodeNpy({ dtype: stored, shape, data }) : data,
  };
}

function toRow(vector: Float32Array, dtype: VectorDtype): Row {
  switch (dtype) {
    case 'float32':
      return {
        bytes: new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength),
        values: vector.length,
      };
    case 'int8': {
      const { values, scale } = toInt8(vector);
      return { bytes: new Uint8Array(values.buffer), values: values.length, scale };
    }
    case 'binary': {
      const bits = toBinary(vector);
      return { bytes: bits, values: bits.length };
    }
  }
}
