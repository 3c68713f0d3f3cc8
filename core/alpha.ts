// Transparency over white, the way decoders that give RGBA become an RgbImage.

import type { RgbImage } from './image.ts';

/**
 * RGBA pixels (not premultiplied, height × width × 4 bytes) composited over white by blendOverWhite.
 * Written to `data` (height × width × 3 bytes), which may be the start of `rgba` itself.
 */
export function overWhite(
  rgba: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
  data: Uint8Array = new Uint8Array(width * height * 3),
): RgbImage {
  for (let source = 0, target = 0; target < data.length; source += 4, target += 3) {
    const alpha = rgba[source + 3] ?? 0;
    data[target] = blendOverWhite(rgba[source] ?? 0, alpha);
    data[target + 1] = blendOverWhite(rgba[source + 1] ?? 0, alpha);
    data[target + 2] = blendOverWhite(rgba[source + 2] ?? 0, alpha);
  }
  return { width, height, data };
}

/**
 * One sample over white, 0…255 each, rounded to nearest: `round((c·a + 255·(255 − a)) / 255)`, which is
 * Pillow's `Image.alpha_composite` over opaque white.
 */
export function blendOverWhite(sample: number, alpha: number): number {
  // round(x / 255) for 0 ≤ x ≤ 255² without a division (Blinn 1995, "Three Wrongs Make a Right").
  const biased = sample * alpha + 255 * (255 - alpha) + 128;
  return (biased + (biased >> 8)) >> 8;
}
