// The direct convolution as one matrix product: the 9 taps of each pixel gathered into a row. For maps of a
// pixel or two and, in a form of its own, for the first layer's three channels. Four rows, the pixels of a
// 2 × 2 window, are a tile, so that pooling and borders are the same as Winograd's.

import { Convolution, PANEL_BYTES } from './convolution';
import { paddedSide } from './map';
import { aim, storeTile, windowAddress } from './tile';

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

// ---- the first layer: three channels of int16, level − zero point ----

/** Row of a pixel: [3 tap rows][10] i16, of which 9 are 3 pixels × 3 channels, then 2 of any value. */
const TAP_ROW: usize = 10 * 2;

/** Tiles `from` … `to − 1` → rows [tiles × 4][32] i16. */
export function gatherFirstRows(c: Convolution, rows: usize, from: usize, to: usize): void {
  const line: usize = paddedSide(c.size) * 6;
  for (let tile = from; tile < to; tile++) {
    const corner = windowAddress(c, tile, 2, 6);
    for (let pixel: usize = 0; pixel < 4; pixel++, rows += 64) {
      let from = corner + (pixel >>> 1) * line + (pixel & 1) * 6;
      for (let at = rows; at < rows + 3 * TAP_ROW; at += TAP_ROW, from += line) {
        v128.store(at, v128.load(from));
        store<u32>(at + VECTOR, load<u32>(from + VECTOR));
      }
    }
  }
}

/** Weights int8 [columns][3 channels][3][3] as the shard has them → panel [columns][32] i16. */
export function gatherFirstWeights(weights: usize, panel: usize, columns: usize): void {
  memory.fill(panel, 0, columns * 64);
  for (let column: usize = 0; column < columns; column++, panel += 64) {
    for (let channel: usize = 0; channel < 3; channel++) {
      for (let tap: usize = 0; tap < 9; tap++, weights++) {
        store<i16>(panel + (tap / 3) * TAP_ROW + ((tap % 3) * 3 + channel) * 2, load<i8>(weights));
      }
    }
  }
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
