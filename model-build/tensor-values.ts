// Reads the values of one tensor: contiguous or strided, widened to float32 piece by piece, so that
// nothing but the result and a buffer of 1 MiB is held.

import type { TensorInfo } from '../core/tensor.ts';
import type { ByteSource } from './byte-source.ts';

export type FloatType = TensorInfo['dtype'];

/** Where the values of a tensor lie. Everything has been checked against the file. */
export interface TensorLayout {
  readonly info: TensorInfo;
  /** Position of the first value in the file, bytes. */
  readonly position: number;
  /** Distance between neighbours along each dimension, elements. No two values share bytes. */
  readonly strides: readonly number[];
}

export const ITEM_SIZE: Readonly<Record<FloatType, number>> = { float32: 4, float16: 2, bfloat16: 2 };

const WINDOW_BYTES = 1 << 20;

/** Number of values of a shape; not a safe integer when it overflows. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((elements, size) => elements * size, 1);
}

/** Strides of a contiguous row-major tensor. */
export function contiguousStrides(shape: readonly number[]): number[] {
  return shape.map((_, dimension) => elementsOf(shape.slice(dimension + 1)));
}

/** Whether the values lie one after another in row-major order. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  const expected = contiguousStrides(shape);
  return shape.every((size, dimension) => size === 1 || strides[dimension] === expected[dimension]);
}

/** The values, row-major, as float32. */
export async function readValues(source: ByteSource, layout: TensorLayout): Promise<Float32Array> {
  const { shape } = layout.info;
  const values = new Float32Array(elementsOf(shape));
  if (values.length === 0) return values;
  if (isContiguous(shape, layout.strides)) await readContiguous(source, layout, values);
  else await readStrided(source, layout, values);
  return values;
}

async function readContiguous(source: ByteSource, layout: TensorLayout, values: Float32Array): Promise<void> {
  const { dtype } = layout.info;
  if (dtype === 'float32') {
    await source.fill(new Uint8Array(values.buffer), layout.position);
    return;
  }
  const window = new Uint16Array(Math.min(values.length, WINDOW_BYTES / 2));
  for (let start = 0; start < values.length; start += window.length) {
    const piece = window.subarray(0, Math.min(window.length, values.length - start));
    await source.fill(new Uint8Array(piece.buffer, 0, piece.byteLength), layout.position + 2 * start);
    widen(piece, dtype, values.subarray(start, start + piece.length));
  }
}

interface Dimension {
  readonly size: number;
  /** Elements in the file. */
  readonly from: number;
  /** Elements in the result. */
  readonly to: number;
}

/** Visits the values in the order of the file, so that the window only moves forward. */
async function readStrided(source: ByteSource, layout: TensorLayout, values: Float32Array): Promise<void> {
  const { shape, dtype } = layout.info;
  const itemSize = ITEM_SIZE[dtype];
  const results = contiguousStrides(shape);
  const dimensions = shape
    .map((size, index): Dimension => ({ size, from: layout.strides[index] ?? 0, to: results[index] ?? 0 }))
    .filter(({ size }) => size > 1)
    .sort((a, b) => b.from - a.from);
  const span = dimensions.reduce((last, { size, from }) => last + (size - 1) * from, 1);
  let window = new Float32Array(0);
  let windowStart = 0;
  const counters = dimensions.map(() => 0);
  let from = 0;
  let to = 0;
  for (let visited = 0; visited < values.length; visited += 1) {
    if (visited === 0 || from >= windowStart + window.length) {
      windowStart = from;
      const size = Math.min(WINDOW_BYTES / itemSize, span - from);
      const info: TensorInfo = { ...layout.info, shape: [size] };
      const piece = { info, position: layout.position + from * itemSize, strides: [1] };
      window = new Float32Array(size);
      await readContiguous(source, piece, window);
    }
    values[to] = window[from - windowStart] ?? Number.NaN;
    // The next place: like an odometer, the innermost dimension turns fastest.
    for (let index = dimensions.length - 1; index >= 0; index -= 1) {
      const dimension = dimensions[index];
      const count = counters[index];
      if (dimension === undefined || count === undefined) break;
      if (count + 1 < dimension.size) {
        counters[index] = count + 1;
        from += dimension.from;
        to += dimension.to;
        break;
      }
      counters[index] = 0;
      from -= count * dimension.from;
      to -= count * dimension.to;
    }
  }
}

function widen(bits: Uint16Array, dtype: 'float16' | 'bfloat16', values: Float32Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const float32Bits = dtype === 'bfloat16' ? bfloat16Bits : float16Bits;
  for (let index = 0; index < bits.length; index += 1) words[index] = float32Bits(bits[index] ?? 0);
}

/** bfloat16 is the upper half of a float32. */
function bfloat16Bits(bits: number): number {
  return bits << 16;
}

/** Set in every NaN that a conversion gives. */
const QUIET_NAN = 0x400000;

/** IEEE 754 binary16 (sign 1, exponent 5, fraction 10) to binary32 (1, 8, 23); exact. */
function float16Bits(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13) | (fraction === 0 ? 0 : QUIET_NAN);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal: fraction × 2⁻²⁴, normalised so that its leading bit becomes the implicit one.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}
