// Antialiased bilinear resizing, bit for bit as Pillow's Image.resize(BILINEAR) on 8-bit RGB: a
// horizontal pass, then a vertical one, both in fixed point, with 8-bit pixels between them.

import type { RgbImage } from './image.ts';

/** Fraction bits of a coefficient; 8 bits are the pixel's, 2 guard the sum (Pillow's PRECISION_BITS). */
const COEFFICIENT_BITS = 32 - 8 - 2;
const ONE = 1 << COEFFICIENT_BITS;
const HALF = 1 << (COEFFICIENT_BITS - 1);

/** The part of the resized image to compute, in its pixels. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Which input pixels make each output pixel of one axis, and with what weight. */
interface AxisFilter {
  /** First input pixel per output pixel. */
  readonly starts: Int32Array;
  /** Input pixels per output pixel, ≤ taps. */
  readonly lengths: Int32Array;
  /** [outputs, taps], units of 2⁻²². */
  readonly coefficients: Int32Array;
  readonly taps: number;
}

/**
 * Resizes the image to `width` × `height` and returns only `region` of the result: uint8 RGB
 * [region.height, region.width, 3], written to `output`. The same bytes as resizing all and cropping.
 * `region` lies inside the resized image; `output` has exactly its size.
 */
export function resizeRegion(
  image: RgbImage,
  width: number,
  height: number,
  region: Region,
  output: Uint8Array,
): void {
  const columns = triangleFilter(image.width, width, region.left, region.width);
  const rows = triangleFilter(image.height, height, region.top, region.height);
  const last = region.height - 1;
  const firstRow = rows.starts[0] ?? 0;
  const endRow = (rows.starts[last] ?? 0) + (rows.lengths[last] ?? 0);
  const narrowed = filterColumns(image, columns, firstRow, endRow);
  filterRows(narrowed, region.width * 3, rows, firstRow, output);
}

/**
 * The triangle filter for outputs `first` … `first + count - 1` of an axis resized from `input` to
 * `output` pixels. Shrinking widens the triangle by the ratio, which is the antialiasing.
 */
function triangleFilter(input: number, output: number, first: number, count: number): AxisFilter {
  const scale = input / output;
  const support = Math.max(scale, 1);
  const taps = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(count);
  const lengths = new Int32Array(count);
  const coefficients = new Int32Array(count * taps);
  const weights = new Float64Array(taps);
  // Multiplied, not divided by the support: Pillow's rounding.
  const inverse = 1 / support;
  for (let index = 0; index < count; index += 1) {
    const center = (first + index + 0.5) * scale;
    const start = Math.max(Math.trunc(center - support + 0.5), 0);
    const length = Math.min(Math.trunc(center + support + 0.5), input) - start;
    let sum = 0;
    for (let tap = 0; tap < length; tap += 1) {
      const weight = Math.max(1 - Math.abs((tap + start - center + 0.5) * inverse), 0);
      weights[tap] = weight;
      sum += weight;
    }
    starts[index] = start;
    lengths[index] = length;
    for (let tap = 0; tap < length; tap += 1) {
      const weight = (weights[tap] ?? 0) / (sum === 0 ? 1 : sum);
      coefficients[index * taps + tap] = Math.trunc(0.5 + weight * ONE);
    }
  }
  return { starts, lengths, coefficients, taps };
}

/** Rows `firstRow` … `endRow - 1` of the image filtered along x: [rows, outputs, 3]. */
function filterColumns(image: RgbImage, filter: AxisFilter, firstRow: number, endRow: number): Uint8Array {
  const { data, width } = image;
  const { starts, lengths, coefficients, taps } = filter;
  const outputs = starts.length;
  const narrowed = new Uint8Array((endRow - firstRow) * outputs * 3);
  let target = 0;
  for (let row = firstRow; row < endRow; row += 1) {
    const rowStart = row * width;
    for (let index = 0; index < outputs; index += 1) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let source = (rowStart + (starts[index] ?? 0)) * 3;
      const firstTap = index * taps;
      const endTap = firstTap + (lengths[index] ?? 0);
      for (let tap = firstTap; tap < endTap; tap += 1) {
        const coefficient = coefficients[tap] ?? 0;
        red += Math.imul(data[source] ?? 0, coefficient);
        green += Math.imul(data[source + 1] ?? 0, coefficient);
        blue += Math.imul(data[source + 2] ?? 0, coefficient);
        source += 3;
      }
      narrowed[target] = toPixel(red);
      narrowed[target + 1] = toPixel(green);
      narrowed[target + 2] = toPixel(blue);
      target += 3;
    }
  }
  return narrowed;
}

/** Filters along y. `narrowed` holds rows of `stride` bytes, the first of them image row `firstRow`. */
function filterRows(
  narrowed: Uint8Array,
  stride: number,
  filter: AxisFilter,
  firstRow: number,
  output: Uint8Array,
): void {
  const { starts, lengths, coefficients, taps } = filter;
  const sums = new Int32Array(stride);
  for (let index = 0; index < starts.length; index += 1) {
    sums.fill(HALF);
    let source = ((starts[index] ?? 0) - firstRow) * stride;
    const firstTap = index * taps;
    const endTap = firstTap + (lengths[index] ?? 0);
    for (let tap = firstTap; tap < endTap; tap += 1) {
      const coefficient = coefficients[tap] ?? 0;
      for (let column = 0; column < stride; column += 1) {
        sums[column] = (sums[column] ?? 0) + Math.imul(narrowed[source + column] ?? 0, coefficient);
      }
      source += stride;
    }
    const target = index * stride;
    for (let column = 0; column < stride; column += 1) output[target + column] = toPixel(sums[column] ?? 0);
  }
}

/** Weights are ≥ 0, so only rounding can pass 255. */
function toPixel(sum: number): number {
  return Math.min(sum >> COEFFICIENT_BITS, 255);
}
