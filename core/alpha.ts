// Transparency over white, the way decoders that give RGBA become an RgbImage.

import type { RgbImage } from './image.ts';

/**
 * RGBA pixels (not premultiplied, height × width × 4 bytes) composited over white, rounded to nearest:
 * `round((c·a + 255·(255 − a)) / 255)`, which is Pillow's `Image.alpha_composite` over opaque white.
 */
export function overWhite(rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let source = 0, target = 0; target < data.length; source += 4, target += 3) {
    const alpha = rgba[source + 3] ?? 0;
    if (alpha === 255) {
      data[target] = rgba[source] ?? 0;
      data[target + 1] = rgba[source + 1] ?? 0;
      data[target + 2] = rgba[source + 2] ?? 0;
    } else {
      const white = 255 * (255 - alpha);
      data[target] = divideBy255((rgba[source] ?? 0) * alpha + white);
      data[target + 1] = divideBy255((rgba[source + 1] ?? 0) * alpha + white);
      data[target + 2] = divideBy255((rgba[source + 2] ?? 0) * alpha + white);
    }
  }
  return { width, height, data };
}

/** `round(value / 255)` for 0 ≤ value ≤ 255², without a division (Blinn 1995, "Three Wrongs"). */
function divideBy255(value: number): number {
  const biased = value + 128;
  return (biased + (biased >> 8)) >> 8;
}
