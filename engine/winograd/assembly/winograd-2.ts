// F(2×2, 3×3) in integers: 16 products per tile of 4 outputs, 4 per output instead of 9. For small maps that
// 4×4 tiles would mostly miss. docs/winograd.md has the transforms and the proof.

import { Convolution, PANEL_BYTES, WINOGRAD_2, panelPlane, rowsPlane, sumsPlane } from './convolution';
import { paddedSide } from './map';
import { aim, storeTile, windowAddress } from './tile';

const VECTOR: usize = 16;

// ---- input: 4 × 4 pixels d, uint8 → Bᵀ d B, int16 ----

const window = memory.data(16 * 16, 16);

@inline
function transformInput(to: usize, step: usize, d0: v128, d1: v128, d2: v128, d3: v128): void {
  v128.store(to, i16x8.sub(d0, d2));
  v128.store(to + step, i16x8.add(d1, d2));
  v128.store(to + 2 * step, i16x8.sub(d2, d1));
  v128.store(to + 3 * step, i16x8.sub(d1, d3));
}

/** Tiles `from` … `to − 1` → rows [16][tiles][channels] i16. */
export function transformInput2(c: Convolution, rows: usize, from: usize, to: usize): void {
  const channels: usize = c.inputChannels;
  const lineBytes: usize = paddedSide(c.size) * channels;
  const plane = rowsPlane(WINOGRAD_2, c.inputChannels, c.block);
  for (let tile = from; tile < to; tile++) {
    let pixels = windowAddress(c, tile, 2, c.inputChannels);
    for (const end = pixels + channels; pixels < end; pixels += 8, rows += VECTOR) {
      let column = pixels;
      for (let at = window; at < window + 4 * VECTOR; at += VECTOR, column += channels) {
        const third = column + 2 * lineBytes;
        transformInput(
          at,
          4 * VECTOR,
          v128.load_ext<u8>(column),
          v128.load_ext<u8>(column + lineBytes),
          v128.load_ext<u8>(third),
          v128.load_ext<u8>(third + lineBytes),
        );
      }
      let out = rows;
      for (let at = window; at < window + 16 * VECTOR; at += 4 * VECTOR, out += 4 * plane) {
        transformInput(
          out,
          plane,
          v128.load(at),
          v128.load(at + VECTOR),
          v128.load(at + 2 * VECTOR),
          v128.load(at + 3 * VECTOR),
        );
      }
    }
  }
}

// ---- weights: 3 × 3 taps g, int8 → G g Gᵀ, int16, G twice the usual one ----

/** [4][3] vectors: the columns of the taps transformed. */
const taps = memory.data(12 * 16, 16);

@inline
function transformTaps(to: usize, step: usize, g0: v128, g1: v128, g2: v128): void {
  const outer = i16x8.add(g0, g2);
  v128.store(to, i16x8.shl(g0, 1));
  v128.store(to + step, i16x8.add(outer, g1));
  v128.store(to + 2 * step, i16x8.sub(outer, g1));
  v128.store(to + 3 * step, i16x8.shl(g2, 1));
}

/** `columns` output channels of arranged weights → panel [16][columns][channels] i16. */
export function transformWeights2(c: Convolution, weights: usize, panel: usize, columns: usize): void {
  const plane = panelPlane(WINOGRAD_2, c.inputChannels);
  const end = weights + columns * c.inputChannels * 9;
  for (; weights < end; weights += 72, panel += VECTOR) {
    for (let column: usize = 0; column < 3; column++) {
      const at = weights + column * 8;
      transformTaps(
        taps + column * VECTOR,
        3 * VECTOR,
        v128.load_ext<i8>(at),
        v128.load_ext<i8>(at + 24),
        v128.load_ext<i8>(at + 48),
      );
    }
    let out = panel;
    for (let at = taps; at < taps + 12 * VECTOR; at += 3 * VECTOR, out += 4 * plane) {
      transformTaps(out, plane, v128.load(at), v128.load(at + VECTOR), v128.load(at + 2 * VECTOR));
    }
  }
}

// ---- output: 4 × 4 sums → Aᵀ m A = 4 × the convolution → the convolution ----

/** [2][4] vectors: the columns of the sums transformed. */
const columns = memory.data(8 * 16, 16);
/** [2 halves][2][2] vectors: the convolution. */
const result = memory.data(8 * 16, 16);

/** Sums [parts][16][tiles][PANEL] of `count` output channels from `channel` on → levels in the output map. */
export function transformOutput2(c: Convolution, channel: usize, count: usize, from: usize, to: usize): void {
  const plane = sumsPlane(WINOGRAD_2, c.block);
  let sums = c.sums;
  for (let tile = from; tile < to; tile++, sums += PANEL_BYTES) {
    aim(c, tile, 2);
    for (let n: usize = 0; n < count; n += 8) {
      memory.fill(result, 0, 8 * VECTOR);
      for (let half: usize = 0; half < 2; half++) {
        let at = sums + n * 4 + half * VECTOR;
        for (let part: usize = 0; part < c.inputChannels; part += c.part, at += 12 * plane) {
          for (let to = columns; to < columns + 4 * VECTOR; to += VECTOR, at += plane) {
            const m1 = v128.load(at + 4 * plane);
            const m2 = v128.load(at + 8 * plane);
            v128.store(to, i32x4.add(v128.load(at), i32x4.add(m1, m2)));
            v128.store(to + 4 * VECTOR, i32x4.sub(i32x4.sub(m1, m2), v128.load(at + 12 * plane)));
          }
          let line = result + half * (4 * VECTOR);
          for (let from = columns; from < columns + 8 * VECTOR; from += 4 * VECTOR, line += 2 * VECTOR) {
            const m1 = v128.load(from + VECTOR);
            const m2 = v128.load(from + 2 * VECTOR);
            const left = i32x4.add(v128.load(from), i32x4.add(m1, m2));
            const right = i32x4.sub(i32x4.sub(m1, m2), v128.load(from + 3 * VECTOR));
            v128.store(line, i32x4.add(v128.load(line), i32x4.shr_s(left, 2)));
            v128.store(line + VECTOR, i32x4.add(v128.load(line + VECTOR), i32x4.shr_s(right, 2)));
          }
        }
      }
      storeTile(c, channel + n, result, VECTOR, 2 * VECTOR, 4 * VECTOR);
    }
  }
}
