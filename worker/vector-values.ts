// A vector → what stands in JSON for it: numbers or base64, of float32, int8 or bits.

import { float32ToBase64, float32ToNumbers, toBase64 } from '../core/encodings.ts';
import { toBinary, toInt8, type VectorDtype } from '../core/quantise-vector.ts';

export type EncodingFormat = 'float' | 'base64';

export function vectorValues(vector: Float32Array, format: EncodingFormat): number[] | string {
  return format === 'base64' ? float32ToBase64(vector) : float32ToNumbers(vector);
}

/** The fields of one embedding; `scale` with int8 only. */
export function embeddingFields(
  vector: Float32Array,
  format: EncodingFormat,
  dtype: VectorDtype,
): { embedding: number[] | string; scale?: number } {
  switch (dtype) {
    case 'float32':
      return { embedding: vectorValues(vector, format) };
    case 'int8': {
      const { values, scale } = toInt8(vector);
      return { embedding: bytes(new Uint8Array(values.buffer), values, format), scale };
    }
    case 'binary': {
      const bits = toBinary(vector);
      return { embedding: bytes(bits, bits, format) };
    }
  }
}

function bytes(raw: Uint8Array, values: Iterable<number>, format: EncodingFormat): number[] | string {
  return format === 'base64' ? toBase64(raw) : Array.from(values);
}
