// Vectors as the outputs store them: in the values of their dtype, scaled by core/quantise-vector.ts.

import { toBinary, toInt8 } from '../../core/quantise-vector.ts';
import type { OutputOptions, VectorDtype } from '../ports.ts';

export interface StoredVector {
  readonly values: Float32Array | Int8Array | Uint8Array;
  /** Of int8: value ≈ scale × q. */
  readonly scale?: number;
}

export function toStored(vector: Float32Array, dtype: VectorDtype): StoredVector {
  if (dtype === 'int8') return toInt8(vector);
  return { values: dtype === 'binary' ? toBinary(vector) : vector };
}

/** Values per vector: eight bits are one of `binary`. */
export function storedWidth({ space, dtype }: OutputOptions): number {
  return dtype === 'binary' ? Math.ceil(space.dimensions / 8) : space.dimensions;
}
