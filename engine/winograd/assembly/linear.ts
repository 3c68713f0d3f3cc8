// Linear layers: float32 → levels → integer matrix-vector products, weights streamed once for all
// images of a batch → float32. The order of the float operations is that of the head's graph.

import { sumLanes } from './products';

/**
 * float32 [count] → int16 level − zero point, padded with zeros to `padded`: round half to even of
 * x ÷ scale, plus the zero point, kept in lowest…highest.
 */
export function quantise(
  x: usize, count: usize, to: usize, padded: usize, scale: f32, zeroPoint: f32, lowest: f32, highest: f32,
): void {
  const end = to + count * 2;
  for (let at = to; at < end; at += 2, x += 4) {
    const level = nearest(load<f32>(x) / scale) + zeroPoint;
    store<i16>(at, <i16>(min(max(level, lowest), highest) - zeroPoint));
  }
  memory.fill(end, 0, (padded - count) * 2);
}

/** value + bias [→ ReLU] at `y`. `bias` is an address, or 0 for none. */
@inline
export function storeRow(y: usize, row: usize, value: f32, bias: usize, relu: bool): void {
  if (bias != 0) value += load<f32>(bias + row * 4);
  store<f32>(y + row * 4, relu ? max(value, 0) : value);
}

@inline
function scaled(sum: f32, factor: usize, row: usize): f32 {
  return sum * load<f32>(factor + row * 4);
}

@inline
function dot16(sum: v128, weights: usize, x0: v128, x1: v128): v128 {
  const w = v128.load(weights);
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(w), x0);
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(w), x1);
  return i32x4.add(sum, i32x4.add(low, high));
}

/**
 * Rows of int8 weights [rows][inputs] times `x`, int16 [images][stride], stride = inputs padded with zeros
 * to a multiple of 16 → y, float32, rows `outputs` apart per image. `factor` is float32 [rows].
 * Reads up to 15 bytes past the weights, which meet zeros.
 */
export function multiplyInt8(
  weights: usize, x: usize, y: usize, images: usize, rows: usize, inputs: usize, outputs: usize,
  factor: usize, bias: usize, relu: bool,
): void {
  const stride: usize = ((inputs + 15) & ~15) * 2;
  for (let row: usize = 0; row < rows; row += 4) {
    // The last rows may be fewer than four: then one is computed again.
    const last = rows - 1;
    const row1 = min(row + 1, last);
    const row2 = min(row + 2, last);
    const row3 = min(row + 3, last);
    for (let image: usize = 0; image < images; image++) {
      let w0 = weights + row * inputs;
      let w1 = weights + row1 * inputs;
      let w2 = weights + row2 * inputs;
      let w3 = weights + row3 * inputs;
      let s0 = i32x4.splat(0);
      let s1 = i32x4.splat(0);
      let s2 = i32x4.splat(0);
      let s3 = i32x4.splat(0);
      let at = x + image * stride;
      for (const end = at + stride; at < end; at += 32) {
        const x0 = v128.load(at);
        const x1 = v128.load(at + 16);
        s0 = dot16(s0, w0, x0, x1);
        s1 = dot16(s1, w1, x0, x1);
        s2 = dot16(s2, w2, x0, x1);
        s3 = dot16(s3, w3, x0, x1);
        w0 += 16;
        w1 += 16;
        w2 += 16;
        w3 += 16;
      }
      const sums = f32x4.convert_i32x4_s(sumLanes(s0, s1, s2, s3));
      const to = y + image * outputs * 4;
      storeRow(to, row, scaled(f32x4.extract_lane(sums, 0), factor, row), bias, relu);
      storeRow(to, row1, scaled(f32x4.extract_lane(sums, 1), factor, row1), bias, relu);
      storeRow(to, row2, scaled(f32x4.extract_lane(sums, 2), factor, row2), bias, relu);
      storeRow(to, row3, scaled(f32x4.extract_lane(sums, 3), factor, row3), bias, relu);
    }
  }
}
