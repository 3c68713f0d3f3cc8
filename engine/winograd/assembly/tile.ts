// Where a tile stands, and how its finished sums become levels of the next map.

import { Convolution } from './convolution';
import { paddedSide } from './map';

/** Position of a tile: the image it belongs to, and its row and column in the grid of tiles. */
@unmanaged
class Position {
  image: usize;
  row: usize;
  column: usize;
}

const position = changetype<Position>(memory.data(12, 4));

/** Tiles along the edge of a map. */
@inline
export function tilesAcross(size: usize, edge: usize): usize {
  return (size + edge - 1) / edge;
}

/** Tiles are counted through all images, row by row. The result is valid until the next call. */
@inline
export function locate(tile: usize, across: usize): Position {
  const row = tile / across;
  position.column = tile - row * across;
  position.image = row / across;
  position.row = row - position.image * across;
  return position;
}

/** Address of the top left input pixel of the tile's window; `pixelBytes` are the bytes of one pixel. */
@inline
export function windowAddress(c: Convolution, tile: usize, edge: usize, pixelBytes: usize): usize {
  const side = paddedSide(c.size);
  const at = locate(tile, tilesAcross(c.size, edge));
  return c.input + ((at.image * side + at.row * edge) * side + at.column * edge) * pixelBytes;
}

/**
 * int32 sums → int32 levels before the clamp: (sum + bias) as float32 × scale, rounded half to even.
 * The operations and their order are those of QLinearConv in onnxruntime (MlasRequantizeOutput).
 */
@inline
function requantise(sum: v128, bias: v128, scale: v128): v128 {
  const real = f32x4.mul(f32x4.convert_i32x4_s(i32x4.add(sum, bias)), scale);
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(real));
}

/** Eight levels, clamped to 0…255 by the two saturating narrowings: the lower clamp is the ReLU. */
@inline
function storeLevels(to: usize, low: v128, high: v128): void {
  const levels = i16x8.narrow_i32x4_s(low, high);
  v128.store64_lane(to, i8x16.narrow_i16x8_u(levels, levels), 0);
}

/** The maximum of two vectors at `at` and the two `below` them. */
@inline
function maximum(at: usize, pixel: usize, below: usize): v128 {
  return i32x4.max_s(
    i32x4.max_s(v128.load(at), v128.load(at + pixel)),
    i32x4.max_s(v128.load(at + below), v128.load(at + below + pixel)),
  );
}

/** Where a tile's levels go: its first pixel in the output map, and how many of its pixels lie inside. */
@unmanaged
class Target {
  to: usize;
  width: usize;
  height: usize;
}

const target = changetype<Target>(memory.data(12, 4));

/** To be called before the tile's channels are stored. */
@inline
export function aim(c: Convolution, tile: usize, edge: usize): void {
  const at = locate(tile, tilesAcross(c.size, edge));
  const size = c.size >>> c.pool;
  const step = edge >>> c.pool;
  const side = paddedSide(size);
  const top = at.row * step;
  const left = at.column * step;
  target.to = c.output + ((at.image * side + top + 1) * side + left + 1) * c.outputChannels;
  target.width = min(step, size - min(left, size));
  target.height = min(step, size - min(top, size));
}

/**
 * Eight channels of the tile aimed at: int32 at `sums`, `pixel` and `row` bytes from one to the next, the last
 * four channels `half` bytes behind the first. Pools where the layer does (the maximum commutes with the
 * rounding, which is monotonic), and drops what lies outside the map.
 */
@inline
export function storeTile(
  c: Convolution, channel: usize, sums: usize, pixel: usize, row: usize, half: usize,
): void {
  const bias0 = v128.load(c.bias + channel * 4);
  const bias1 = v128.load(c.bias + channel * 4 + 16);
  const scale0 = v128.load(c.scale + channel * 4);
  const scale1 = v128.load(c.scale + channel * 4 + 16);
  const toPixel = c.outputChannels;
  const toRow = paddedSide(c.size >>> c.pool) * toPixel;
  const bytes = target.width * toPixel;
  const height = target.height;
  let line = target.to + channel;
  for (let y: usize = 0; y < height; y++, line += toRow) {
    let from = sums;
    if (c.pool) {
      for (let to = line; to < line + bytes; to += toPixel, from += 2 * pixel) {
        const low = requantise(maximum(from, pixel, row), bias0, scale0);
        storeLevels(to, low, requantise(maximum(from + half, pixel, row), bias1, scale1));
      }
      sums += 2 * row;
    } else {
      for (let to = line; to < line + bytes; to += toPixel, from += pixel) {
        const low = requantise(v128.load(from), bias0, scale0);
        storeLevels(to, low, requantise(v128.load(from + half), bias1, scale1));
      }
      sums += row;
    }
  }
}

@inline
function maximum4(a: v128, b: v128, c: v128, d: v128): v128 {
  return i32x4.max_s(i32x4.max_s(a, b), i32x4.max_s(c, d));
}

/** As storeTile for a 2 × 2 window: the sums of its four pixels row by row, two vectors each. */
@inline
export function storeWindow(
  c: Convolution, channel: usize,
  a0: v128, a1: v128, b0: v128, b1: v128, c0: v128, c1: v128, d0: v128, d1: v128,
): void {
  const bias0 = v128.load(c.bias + channel * 4);
  const bias1 = v128.load(c.bias + channel * 4 + 16);
  const scale0 = v128.load(c.scale + channel * 4);
  const scale1 = v128.load(c.scale + channel * 4 + 16);
  const to = target.to + channel;
  const toPixel = c.outputChannels;
  const right = target.width > 1;
  if (target.width == 0 || target.height == 0) return;
  if (c.pool) {
    const low = requantise(maximum4(a0, b0, c0, d0), bias0, scale0);
    storeLevels(to, low, requantise(maximum4(a1, b1, c1, d1), bias1, scale1));
    return;
  }
  storeLevels(to, requantise(a0, bias0, scale0), requantise(a1, bias1, scale1));
  if (right) storeLevels(to + toPixel, requantise(b0, bias0, scale0), requantise(b1, bias1, scale1));
  if (target.height == 1) return;
  const below = to + paddedSide(c.size) * toPixel;
  storeLevels(below, requantise(c0, bias0, scale0), requantise(c1, bias1, scale1));
  if (right) storeLevels(below + toPixel, requantise(d0, bias0, scale0), requantise(d1, bias1, scale1));
}
