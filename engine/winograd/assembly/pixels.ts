// The network's two ends: RGB pixels → the first layer's input, the last map → the `features` tap.

import { clearBorder, paddedSide } from './map';

/**
 * uint8 [images][size][size][3] → int16 level − zero point, in padded maps of 3 channels. `table` holds
 * int16 [3][256], the value of each channel's levels, computed as the graph's first nodes do.
 */
export function readPixels(pixels: usize, table: usize, output: usize, images: usize, size: usize): void {
  const side = paddedSide(size);
  clearBorder(output, images, size, 6);
  for (let image: usize = 0; image < images; image++) {
    for (let y: usize = 0; y < size; y++) {
      let to = output + ((image * side + y + 1) * side + 1) * 6;
      for (const end = pixels + size * 3; pixels < end; pixels += 3, to += 6) {
        store<i16>(to, load<i16>(table + <usize>load<u8>(pixels) * 2));
        store<i16>(to + 2, load<i16>(table + <usize>load<u8>(pixels + 1) * 2 + 512));
        store<i16>(to + 4, load<i16>(table + <usize>load<u8>(pixels + 2) * 2 + 1024));
      }
    }
  }
}

/** Side of the pooled map. */
const POOLED: usize = 7;

/**
 * Adaptive average pool to 7×7: padded map of `channels` (as they lie in memory) → float32
 * [images][outputs][7][7]. Levels sum exactly; then one multiplication by scale ÷ cells.
 */
export function poolFeatures(
  map: usize, output: usize, images: usize, size: usize, channels: usize, outputs: usize, scale: f32,
): void {
  const side = paddedSide(size);
  for (let image: usize = 0; image < images; image++) {
    for (let row: usize = 0; row < POOLED; row++) {
      const top = (row * size) / POOLED;
      const bottom = ((row + 1) * size + POOLED - 1) / POOLED;
      for (let column: usize = 0; column < POOLED; column++) {
        const left = (column * size) / POOLED;
        const right = ((column + 1) * size + POOLED - 1) / POOLED;
        const factor = scale / <f32>((bottom - top) * (right - left));
        let to = output + (row * POOLED + column) * 4;
        for (let channel: usize = 0; channel < outputs; channel++, to += POOLED * POOLED * 4) {
          let sum: usize = 0;
          for (let y = top + 1; y <= bottom; y++) {
            for (let x = left + 1; x <= right; x++) {
              sum += load<u8>(map + (y * side + x) * channels + channel);
            }
          }
          store<f32>(to, <f32>sum * factor);
        }
      }
    }
    map += (side * side) * channels;
    output += outputs * (POOLED * POOLED * 4);
  }
}
