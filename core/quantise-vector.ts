// Smaller vectors for storage: 8-bit integers (a quarter of float32) and bits (a 32nd). What both keep is
// the order of cosine similarities, nearly.

/** `dtype` of an answer. */
export const VECTOR_DTYPES = ['float32', 'int8', 'binary'] as const;
export type VectorDtype = (typeof VECTOR_DTYPES)[number];

export interface Int8Vector {
  /** −127…127. */
  readonly values: Int8Array;
  /** value ≈ scale × q; the error is at most scale / 2. 0 for a vector of zeros. */
  readonly scale: number;
}

/**
 * Symmetric, one scale per vector: `scale = max|v| / 127`, `q = round(v / scale)`, halves away from zero.
 * Cosines need no scale. A scale per vector, not a fixed one, because an L2-normalised vector of 25,088
 * values has a typical value of 0.006: of a fixed 1/127 nothing would remain.
 */
export function toInt8(vector: Float32Array): Int8Vector {
  let max = 0;
  for (let index = 0; index < vector.length; index += 1) max = Math.max(max, Math.abs(vector[index] ?? 0));
  const values = new Int8Array(vector.length);
  if (max === 0) return { values, scale: 0 };
  const scale = max / 127;
  for (let index = 0; index < vector.length; index += 1) {
    const quotient = (vector[index] ?? 0) / scale;
    values[index] = Math.sign(quotient) * Math.round(Math.abs(quotient));
  }
  return { values, scale };
}

/** Back to float32: `scale × q`. */
export function fromInt8({ values, scale }: Int8Vector): Float32Array {
  return Float32Array.from(values, (value) => value * scale);
}

/**
 * One bit per value, set where the value is above the vector's own mean: after a ReLU everything is ≥ 0
 * and the sign would say nothing; for a whitened vector the mean is near 0 and this is the sign. Packed as
 * numpy.packbits does: the first value is the highest bit of the first byte, the last byte is padded with 0.
 */
export function toBinary(vector: Float32Array): Uint8Array {
  let sum = 0;
  for (let index = 0; index < vector.length; index += 1) sum += vector[index] ?? 0;
  const mean = sum / vector.length;
  const bits = new Uint8Array(Math.ceil(vector.length / 8));
  for (let index = 0; index < vector.length; index += 1) {
    if ((vector[index] ?? 0) > mean) bits[index >> 3] = (bits[index >> 3] ?? 0) | (0x80 >> (index & 7));
  }
  return bits;
}
