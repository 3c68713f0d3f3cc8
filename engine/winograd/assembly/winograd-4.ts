// F(4×4, 3×3) in integers: 36 products per tile of 16 outputs, 2.25 per output instead of 9.
// docs/winograd.md derives the three transforms and proves when the result is exact.

import { Convolution, PANEL_BYTES, WINOGRAD_4, panelPlane, rowsPlane, sumsPlane } from './convolution';
import { paddedSide } from './map';
import { aim, storeTile, windowAddress } from './tile';

const VECTOR: usize = 16;

// ---- input: 6 × 6 pixels d, uint8 → Bᵀ d B, int16 ----

/** [6][6] vectors: the columns of a window transformed. */
const window = memory.data(36 * 16, 16);

/** Bᵀ of six vectors, stored `step` bytes apart. */
@inline
function transformInput(
  to: usize, step: usize, d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128,
): void {
  const even = i16x8.sub(d4, i16x8.shl(d2, 2)); // d4 − 4·d2
  const odd = i16x8.sub(d3, i16x8.shl(d1, 2)); // d3 − 4·d1
  const even2 = i16x8.sub(d4, d2);
  const odd2 = i16x8.shl(i16x8.sub(d3, d1), 1);
  v128.store(to, i16x8.add(even, i16x8.sub(i16x8.shl(d0, 2), d2)));
  v128.store(to + step, i16x8.add(even, odd));
  v128.store(to + 2 * step, i16x8.sub(even, odd));
  v128.store(to + 3 * step, i16x8.add(even2, odd2));
  v128.store(to + 4 * step, i16x8.sub(even2, odd2));
  const outer = i16x8.sub(i16x8.shl(i16x8.sub(d1, d3), 2), d3);
  v128.store(to + 5 * step, i16x8.add(outer, d5));
}

/** Tiles `from` … `to − 1` → rows [36][tiles][channels] i16. */
export function transformInput4(c: Convolution, rows: usize, from: usize, to: usize): void {
  const channels: usize = c.inputChannels;
  const lineBytes: usize = paddedSide(c.size) * channels;
  const plane = rowsPlane(WINOGRAD_4, c.inputChannels, c.block);
  for (let tile = from; tile < to; tile++) {
    let pixels = windowAddress(c, tile, 4, c.inputChannels);
    for (const end = pixels + channels; pixels < end; pixels += 8, rows += VECTOR) {
      let column = pixels;
      for (let at = window; at < window + 6 * VECTOR; at += VECTOR, column += channels) {
        const third = column + 2 * lineBytes;
        const fifth = third + 2 * lineBytes;
        transformInput(
          at,
          6 * VECTOR,
          v128.load_ext<u8>(column),
          v128.load_ext<u8>(column + lineBytes),
          v128.load_ext<u8>(third),
          v128.load_ext<u8>(third + lineBytes),
          v128.load_ext<u8>(fifth),
          v128.load_ext<u8>(fifth + lineBytes),
        );
      }
      let out = rows;
      for (let at = window; at < window + 36 * VECTOR; at += 6 * VECTOR, out += 6 * plane) {
        transformInput(
          out,
          plane,
          v128.load(at),
          v128.load(at + VECTOR),
          v128.load(at + 2 * VECTOR),
          v128.load(at + 3 * VECTOR),
          v128.load(at + 4 * VECTOR),
          v128.load(at + 5 * VECTOR),
        );
      }
    }
  }
}

// ---- weights: 3 × 3 taps g, int8 → G g Gᵀ, int16, for eight input channels at a time ----

@inline
function tap(from: usize): v128 {
  return v128.load_ext<i8>(from);
}

/** G of three vectors: six planes. */
@inline
function storeWeights(to: usize, plane: usize, g0: v128, g1: v128, g2: v128): void {
  const near = i16x8.add(g0, g2);
  const far = i16x8.add(g0, i16x8.shl(g2, 2));
  const twice = i16x8.shl(g1, 1);
  v128.store(to, g0);
  v128.store(to + plane, i16x8.add(near, g1));
  v128.store(to + 2 * plane, i16x8.sub(near, g1));
  v128.store(to + 3 * plane, i16x8.add(far, twice));
  v128.store(to + 4 * plane, i16x8.sub(far, twice));
  v128.store(to + 5 * plane, g2);
}

/** `columns` output channels of arranged weights → panel [36][columns][channels] i16. */
export function transformWeights4(c: Convolution, weights: usize, panel: usize, columns: usize): void {
  const plane = panelPlane(WINOGRAD_4, c.inputChannels);
  const end = weights + columns * c.inputChannels * 9;
  for (; weights < end; weights += 72, panel += VECTOR) {
    const a0 = tap(weights);
    const a1 = tap(weights + 8);
    const a2 = tap(weights + 16);
    let b0 = tap(weights + 24);
    let b1 = tap(weights + 32);
    let b2 = tap(weights + 40);
    const c0 = tap(weights + 48);
    const c1 = tap(weights + 56);
    const c2 = tap(weights + 64);
    let to = panel;
    storeWeights(to, plane, a0, a1, a2);
    let s0 = i16x8.add(a0, c0);
    let s1 = i16x8.add(a1, c1);
    let s2 = i16x8.add(a2, c2);
    to += 6 * plane;
    storeWeights(to, plane, i16x8.add(s0, b0), i16x8.add(s1, b1), i16x8.add(s2, b2));
    to += 6 * plane;
    storeWeights(to, plane, i16x8.sub(s0, b0), i16x8.sub(s1, b1), i16x8.sub(s2, b2));
    s0 = i16x8.add(a0, i16x8.shl(c0, 2));
    s1 = i16x8.add(a1, i16x8.shl(c1, 2));
    s2 = i16x8.add(a2, i16x8.shl(c2, 2));
    b0 = i16x8.shl(b0, 1);
    b1 = i16x8.shl(b1, 1);
    b2 = i16x8.shl(b2, 1);
    to += 6 * plane;
    storeWeights(to, plane, i16x8.add(s0, b0), i16x8.add(s1, b1), i16x8.add(s2, b2));
    to += 6 * plane;
    storeWeights(to, plane, i16x8.sub(s0, b0), i16x8.sub(s1, b1), i16x8.sub(s2, b2));
    to += 6 * plane;
    storeWeights(to, plane, c0, c1, c2);
  }
}

// ---- output: 6 × 6 sums → Aᵀ m A = 576 × the convolution modulo 2³² → the convolution ----

/** [4][6] vectors: the columns of the sums transformed. */
const columns = memory.data(24 * 16, 16);
/** [2 halves][4][4] vectors: the convolution. */
const result = memory.data(32 * 16, 16);

/** The inverse of 9 modulo 2³²; in memory, because V8 would build a constant vector anew at every use. */
const ninths = memory.data<u32>([0x38e38e39, 0x38e38e39, 0x38e38e39, 0x38e38e39], 16);

/** 576·y → y for |y| < 2²⁵: 576 = 9 · 2⁶. */
@inline
function unscale(x: v128, ninth: v128): v128 {
  return i32x4.shr_s(i32x4.mul(x, ninth), 6);
}

@inline
function times4(x: v128): v128 {
  return i32x4.shl(x, 2);
}

/** Aᵀ of the six vectors at `from`, `step` bytes apart, to four places at `to`. */
@inline
function transformColumn(from: usize, step: usize, to: usize): void {
  const m0 = v128.load(from);
  const m1 = v128.load(from + step);
  const m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step);
  const m4 = v128.load(from + 4 * step);
  const m5 = v128.load(from + 5 * step);
  const near = times4(i32x4.add(m1, m2));
  const slope = times4(i32x4.sub(m1, m2));
  const far = i32x4.add(m3, m4);
  const farSlope = i32x4.shl(i32x4.sub(m3, m4), 1);
  const first = i32x4.add(times4(m0), i32x4.shl(m0, 1)); // 6·m0
  const last = i32x4.add(i32x4.shl(m5, 4), i32x4.shl(m5, 3)); // 24·m5
  v128.store(to, i32x4.add(i32x4.sub(first, near), far));
  v128.store(to + 6 * VECTOR, i32x4.sub(farSlope, slope));
  v128.store(to + 12 * VECTOR, i32x4.sub(times4(far), near));
  v128.store(to + 18 * VECTOR, i32x4.add(i32x4.sub(times4(farSlope), slope), last));
}

/** The same along a row, unscaled; later parts of the channels are added to the earlier ones. */
@inline
function transformRow(from: usize, to: usize, ninth: v128, add: bool): void {
  const m0 = v128.load(from);
  const m1 = v128.load(from + VECTOR);
  const m2 = v128.load(from + 2 * VECTOR);
  const m3 = v128.load(from + 3 * VECTOR);
  const m4 = v128.load(from + 4 * VECTOR);
  const m5 = v128.load(from + 5 * VECTOR);
  const near = times4(i32x4.add(m1, m2));
  const slope = times4(i32x4.sub(m1, m2));
  const far = i32x4.add(m3, m4);
  const farSlope = i32x4.shl(i32x4.sub(m3, m4), 1);
  const first = i32x4.add(times4(m0), i32x4.shl(m0, 1));
  const last = i32x4.add(i32x4.shl(m5, 4), i32x4.shl(m5, 3));
  let y0 = unscale(i32x4.add(i32x4.sub(first, near), far), ninth);
  let y1 = unscale(i32x4.sub(farSlope, slope), ninth);
  let y2 = unscale(i32x4.sub(times4(far), near), ninth);
  let y3 = unscale(i32x4.add(i32x4.sub(times4(farSlope), slope), last), ninth);
  if (add) {
    y0 = i32x4.add(y0, v128.load(to));
    y1 = i32x4.add(y1, v128.load(to + VECTOR));
    y2 = i32x4.add(y2, v128.load(to + 2 * VECTOR));
    y3 = i32x4.add(y3, v128.load(to + 3 * VECTOR));
  }
  v128.store(to, y0);
  v128.store(to + VECTOR, y1);
  v128.store(to + 2 * VECTOR, y2);
  v128.store(to + 3 * VECTOR, y3);
}

/** Sums [parts][36][tiles][PANEL] of `count` output channels from `channel` on → levels in the output map. */
export function transformOutput4(c: Convolution, channel: usize, count: usize, from: usize, to: usize): void {
  const plane = sumsPlane(WINOGRAD_4, c.block);
  const ninth = v128.load(ninths);
  let sums = c.sums;
  for (let tile = from; tile < to; tile++, sums += PANEL_BYTES) {
    aim(c, tile, 4);
    for (let n: usize = 0; n < count; n += 8) {
      for (let half: usize = 0; half < 2; half++) {
        let at = sums + n * 4 + half * VECTOR;
        for (let part: usize = 0; part < c.inputChannels; part += c.part, at += 30 * plane) {
          for (let to = columns; to < columns + 6 * VECTOR; to += VECTOR, at += plane) {
            transformColumn(at, 6 * plane, to);
          }
          let line = result + half * (16 * VECTOR);
          for (let from = columns; from < columns + 24 * VECTOR; from += 6 * VECTOR, line += 4 * VECTOR) {
            transformRow(from, line, ninth, part > 0);
          }
        }
      }
      storeTile(c, channel + n, result, VECTOR, 4 * VECTOR, 16 * VECTOR);
    }
  }
}
