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

/**
 * Masks of the lower two nibbles of every 16-bit lane; the odd ones, left where they are in the byte, count 16
 * times. In memory, because V8 would build a constant vector anew at every use.
 */
const masks = memory.data<u16>([
  0x000f, 0x000f, 0x000f, 0x000f, 0x000f, 0x000f, 0x000f, 0x000f,
  0x00f0, 0x00f0, 0x00f0, 0x00f0, 0x00f0, 0x00f0, 0x00f0, 0x00f0,
], 16);

/** Σ nibble · x over the even nibbles of a block's lanes, and over the odd ones 16 times that; x arranged. */
@inline
function multiplyEvens(w: v128, x: usize, evens: v128): v128 {
  const low = i32x4.dot_i16x8_s(v128.and(w, evens), v128.load(x));
  return i32x4.add(low, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(w, 8), evens), v128.load(x + 32)));
}

@inline
function multiplyOdds(w: v128, x: usize, odds: v128): v128 {
  const low = i32x4.dot_i16x8_s(v128.and(w, odds), v128.load(x + 16));
  return i32x4.add(low, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(w, 8), odds), v128.load(x + 48)));
}

/** sum + scale × (products − offset), in four lanes. */
@inline
function addGroup(sum: v128, even: v128, odd: v128, offset: v128, scale: usize): v128 {
  const products = i32x4.add(even, i32x4.shr_s(odd, 4));
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
  const scaleBytes = (inputs / group) * 4;
  const last = rows - 1;
  const evens = v128.load(masks);
  const odds = v128.load(masks + 16);
  for (let row: usize = 0; row < rows; row += 4) {
    // The last rows may be fewer than four: then one is computed again.
    const row1 = min(row + 1, last);
    const row2 = min(row + 2, last);
    const row3 = min(row + 3, last);
    for (let image: usize = 0; image < images; image++) {
      let w0 = weights + row * rowBytes;
      let w1 = weights + row1 * rowBytes;
      let w2 = weights + row2 * rowBytes;
      let w3 = weights + row3 * rowBytes;
      let scale0 = scales + row * scaleBytes;
      let scale1 = scales + row1 * scaleBytes;
      let scale2 = scales + row2 * scaleBytes;
      let scale3 = scales + row3 * scaleBytes;
      let at = x + image * inputs * 2;
      let offset = offsets + image * scaleBytes * 4;
      let sum0 = f32x4.splat(0);
      let sum1 = f32x4.splat(0);
      let sum2 = f32x4.splat(0);
      let sum3 = f32x4.splat(0);
      for (const end = at + inputs * 2; at < end; offset += 16) {
        let even0 = i32x4.splat(0);
        let even1 = i32x4.splat(0);
        let even2 = i32x4.splat(0);
        let even3 = i32x4.splat(0);
        let odd0 = i32x4.splat(0);
        let odd1 = i32x4.splat(0);
        let odd2 = i32x4.splat(0);
        let odd3 = i32x4.splat(0);
        for (const groupEnd = at + group * 2; at < groupEnd; at += BLOCK * 2) {
          let w = v128.load(w0);
          even0 = i32x4.add(even0, multiplyEvens(w, at, evens));
          odd0 = i32x4.add(odd0, multiplyOdds(w, at, odds));
          w = v128.load(w1);
          even1 = i32x4.add(even1, multiplyEvens(w, at, evens));
          odd1 = i32x4.add(odd1, multiplyOdds(w, at, odds));
          w = v128.load(w2);
          even2 = i32x4.add(even2, multiplyEvens(w, at, evens));
          odd2 = i32x4.add(odd2, multiplyOdds(w, at, odds));
          w = v128.load(w3);
          even3 = i32x4.add(even3, multiplyEvens(w, at, evens));
          odd3 = i32x4.add(odd3, multiplyOdds(w, at, odds));
          w0 += BLOCK_BYTES;
          w1 += BLOCK_BYTES;
          w2 += BLOCK_BYTES;
          w3 += BLOCK_BYTES;
        }
        const away = v128.load(offset);
        sum0 = addGroup(sum0, even0, odd0, away, scale0);
        sum1 = addGroup(sum1, even1, odd1, away, scale1);
        sum2 = addGroup(sum2, even2, odd2, away, scale2);
        sum3 = addGroup(sum3, even3, odd3, away, scale3);
        scale0 += 4;
        scale1 += 4;
        scale2 += 4;
        scale3 += 4;
      }
      const to = y + image * outputs * 4;
      storeRow(to, row, sumFloatLanes(sum0) * inputScale, bias, relu);
      storeRow(to, row1, sumFloatLanes(sum1) * inputScale, bias, relu);
      storeRow(to, row2, sumFloatLanes(sum2) * inputScale, bias, relu);
      storeRow(to, row3, sumFloatLanes(sum3) * inputScale, bias, relu);
    }
  }
}
