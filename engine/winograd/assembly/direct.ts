// The direct convolution: for maps of a pixel or two as one matrix product, the 9 taps of each pixel gathered into a
// row; for the first layer's three channels in registers, without any rows. Four pixels, a 2 × 2 window, are a tile,
// so that pooling and borders are the same as Winograd's.

import { Convolution, PANEL_BYTES } from './convolution';
import { paddedSide } from './map';
import { aim, storeTile, storeWindow, windowAddress } from './tile';

const VECTOR: usize = 16;

/** Tiles `from` … `to − 1` → rows [tiles × 4][channels / 8][9 taps][8] i16. */
export function gatherRows(c: Convolution, rows: usize, from: usize, to: usize): void {
  const channels: usize = c.inputChannels;
  const line: usize = paddedSide(c.size) * channels;
  for (let tile = from; tile < to; tile++) {
    const corner = windowAddress(c, tile, 2, c.inputChannels);
    for (let pixel: usize = 0; pixel < 4; pixel++) {
      const start = corner + (pixel >>> 1) * line + (pixel & 1) * channels;
      for (let at = start; at < start + channels; at += 8) {
        for (let tapRow = at; tapRow < at + 3 * line; tapRow += line) {
          v128.store(rows, v128.load_ext<u8>(tapRow));
          v128.store(rows + VECTOR, v128.load_ext<u8>(tapRow + channels));
          v128.store(rows + 2 * VECTOR, v128.load_ext<u8>(tapRow + 2 * channels));
          rows += 3 * VECTOR;
        }
      }
    }
  }
}

/** The same order of taps is the order of arranged weights: they are only widened. */
export function widenWeights(c: Convolution, weights: usize, panel: usize, columns: usize): void {
  const end = weights + columns * c.inputChannels * 9;
  for (; weights < end; weights += 8, panel += VECTOR) v128.store(panel, v128.load_ext<i8>(weights));
}

// ---- the first layer: three channels of int16, level − zero point, read where they lie ----
//
// A row of taps is 3 pixels × 3 channels, 9 neighbours in memory: five pairs, of which the last has one tap and a
// weight of 0. A pair is spread over a vector by its load, and four output channels take it with one `dot`: no row is
// gathered, and no sum has to be added up across its lanes.

/** Pairs of taps in a row, and bytes of a pair's weights: int16 [PANEL][2]. */
const ROW_PAIRS: usize = 5;
const PAIR_BYTES: usize = PANEL_BYTES;

/** Weights int8 [columns][3 channels][3][3] as the shard has them → panel [3 tap rows][5 pairs][PANEL][2] i16. */
export function pairFirstWeights(weights: usize, panel: usize, columns: usize): void {
  memory.fill(panel, 0, 3 * ROW_PAIRS * PAIR_BYTES);
  for (const end = panel + columns * 4; panel < end; panel += 4) {
    for (let channel: usize = 0; channel < 3; channel++) {
      for (let tap: usize = 0; tap < 9; tap++, weights++) {
        const place = (tap % 3) * 3 + channel;
        const pair = (tap / 3) * ROW_PAIRS + (place >>> 1);
        store<i16>(panel + pair * PAIR_BYTES + (place & 1) * 2, load<i8>(weights));
      }
    }
  }
}

@inline
function multiplyAdd(sum: v128, a: v128, b: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(a, b));
}

/** Tiles `from` … `to − 1` by the panel → levels of `count` output channels from `channel` on in the output map. */
export function convolveFirst(c: Convolution, channel: usize, count: usize, from: usize, to: usize): void {
  const line: usize = paddedSide(c.size) * 6;
  for (let tile = from; tile < to; tile++) {
    const corner = windowAddress(c, tile, 2, 6);
    aim(c, tile, 2);
    for (let n: usize = 0; n < count; n += 8) convolveWindow(c, channel + n, corner, line, c.panel + n * 4);
  }
}

/** Eight output channels of a 2 × 2 window's four pixels, in registers from the first product to the levels. */
@inline
function convolveWindow(c: Convolution, channel: usize, corner: usize, line: usize, panel: usize): void {
  let m00 = i32x4.splat(0);
  let m01 = i32x4.splat(0);
  let m10 = i32x4.splat(0);
  let m11 = i32x4.splat(0);
  let m20 = i32x4.splat(0);
  let m21 = i32x4.splat(0);
  let m30 = i32x4.splat(0);
  let m31 = i32x4.splat(0);
  for (const end = panel + 3 * ROW_PAIRS * PAIR_BYTES; panel < end; corner += line) {
    let upper = corner;
    let lower = corner + line;
    for (const row = panel + ROW_PAIRS * PAIR_BYTES; panel < row; panel += PAIR_BYTES) {
      const w0 = v128.load(panel);
      const w1 = v128.load(panel + VECTOR);
      let x = v128.load32_splat(upper);
      m00 = multiplyAdd(m00, x, w0);
      m01 = multiplyAdd(m01, x, w1);
      x = v128.load32_splat(upper + 6);
      m10 = multiplyAdd(m10, x, w0);
      m11 = multiplyAdd(m11, x, w1);
      x = v128.load32_splat(lower);
      m20 = multiplyAdd(m20, x, w0);
      m21 = multiplyAdd(m21, x, w1);
      x = v128.load32_splat(lower + 6);
      m30 = multiplyAdd(m30, x, w0);
      m31 = multiplyAdd(m31, x, w1);
      upper += 4;
      lower += 4;
    }
  }
  storeWindow(c, channel, m00, m01, m10, m11, m20, m21, m30, m31);
}

/** Sums [tiles × 4][PANEL] of `count` output channels from `channel` on → levels in the output map. */
export function storeSums(c: Convolution, channel: usize, count: usize, from: usize, to: usize): void {
  let sums = c.sums;
  for (let tile = from; tile < to; tile++, sums += 4 * PANEL_BYTES) {
    aim(c, tile, 2);
    for (let n: usize = 0; n < count; n += 8) {
      storeTile(c, channel + n, sums + n * 4, PANEL_BYTES, 2 * PANEL_BYTES, VECTOR);
    }
  }
}
