// Linear layers with 4-bit weights: w = scale of its group × (nibble − 8), two nibbles to a byte, the even
// input in the low one. Within a group the sums are integers and exact; the groups are added up in float32.

import { storeRow } from './linear';

/** Inputs of one 16-byte vector of weights. */
const BLOCK: usize = 32;
const BLOCK_BYTES: usize = 16;

/**
 * Levels int16 [inputs] → the order in which the nibbles of a vector come out, and what the −8 takes away.
 *
 * A 16-bit lane l of a vector holds the weights 4·l … 4·l + 3 of its block: masks and one shift give the
 * k-th of each as eight lanes. So a block of x is stored as [k = 0…3][l = 0…7] = x[4·l + k].
 * `offsets` receives 8 · Σ x of each group, int32 in lane 0 of a vector.
 */
export function arrangeLevels(x: usize, to: usize, offsets: usize, inputs: usize, group: usize): void {
  for (let first: usize = 0; first < inputs; first += group, offsets += 16) {
    let sum = 0;
    for (let block = first; block < first + group; block += BLOCK, x += BLOCK * 2) {
      for (let k: usize = 0; k < 4; k++) {
        for (let lane: usize = 0; lane < 8; lane++, to += 2) {
          const value = load<i16>(x + (4 * lane + k) * 2);
          store<i16>(to, value);
          sum += value;
        }
      }
    }
    v128.store(offsets, i32x4(8 * sum, 0, 0, 0));
  }
}

/** Four lanes whose sum is Σ nibble · x of a group of weights at `w`, x arranged. */
@inline
function multiplyGroup(w: usize, x: usize, bytes: usize): v128 {
  const low = i16x8.splat(0x000f);
  const high = i16x8.splat(0x00f0);
  let even = i32x4.splat(0);
  // Left where they are in the byte, the odd nibbles count 16 times.
  let odd = i32x4.splat(0);
  for (const end = w + bytes; w < end; w += BLOCK_BYTES, x += BLOCK * 2) {
    const first = v128.load(w);
    const second = i16x8.shr_u(first, 8);
    even = i32x4.add(even, i32x4.dot_i16x8_s(v128.and(first, low), v128.load(x)));
    odd = i32x4.add(odd, i32x4.dot_i16x8_s(v128.and(first, high), v128.load(x + 16)));
    even = i32x4.add(even, i32x4.dot_i16x8_s(v128.and(second, low), v128.load(x + 32)));
    odd = i32x4.add(odd, i32x4.dot_i16x8_s(v128.and(second, high), v128.load(x + 48)));
  }
  return i32x4.add(even, i32x4.shr_s(odd, 4));
}

/** sum + scale × (products − offset), in four lanes. */
@inline
function addGroup(sum: v128, products: v128, offset: v128, scale: usize): v128 {
  const real = f32x4.convert_i32x4_s(i32x4.sub(products, offset));
  return f32x4.add(sum, f32x4.mul(real, v128.load32_splat(scale)));
}

@inline
function sumFloatLanes(a: v128): f32 {
  const left = f32x4.extract_lane(a, 0) + f32x4.extract_lane(a, 1);
  return left + (f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3));
}

/**
 * Rows of 4-bit weights [rows][inputs / 2 bytes] with scales float32 [rows][inputs / group], times arranged
 * levels [images][inputs] with their offsets [images][inputs / group] → y, float32, rows `outputs` apart per
 * image: (Σ) × inputScale + bias [→ ReLU]. `inputs` is padded to a multiple of `group`.
 */
export function multiplyInt4(
  weights: usize, scales: usize, x: usize, offsets: usize, y: usize, images: usize, rows: usize,
  inputs: usize, outputs: usize, group: usize, inputScale: f32, bias: usize, relu: bool,
): void {
  const rowBytes = inputs / 2;
  const groupBytes = group / 2;
  const scaleBytes = (inputs / group) * 4;
  const last = rows - 1;
  for (let row: usize = 0; row < rows; row += 2) {
    // The last row may be alone: then it is computed twice.
    const next = min(row + 1, last);
    for (let image: usize = 0; image < images; image++) {
      let w0 = weights + row * rowBytes;
      let w1 = weights + next * rowBytes;
      let scale0 = scales + row * scaleBytes;
      let scale1 = scales + next * scaleBytes;
      let at = x + image * inputs * 2;
      let offset = offsets + image * scaleBytes * 4;
      let sum0 = f32x4.splat(0);
      let sum1 = f32x4.splat(0);
      for (const end = w0 + rowBytes; w0 < end; w0 += groupBytes, w1 += groupBytes, at += group * 2) {
        const away = v128.load(offset);
        sum0 = addGroup(sum0, multiplyGroup(w0, at, groupBytes), away, scale0);
        sum1 = addGroup(sum1, multiplyGroup(w1, at, groupBytes), away, scale1);
        scale0 += 4;
        scale1 += 4;
        offset += 16;
      }
      const to = y + image * outputs * 4;
      storeRow(to, row, sumFloatLanes(sum0) * inputScale, bias, relu);
      storeRow(to, next, sumFloatLanes(sum1) * inputScale, bias, relu);
    }
  }
}
