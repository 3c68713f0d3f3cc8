// How much memory decoding an image will take, from its header: what cannot fit is refused before it is
// tried, because an isolate that runs out of memory takes every other request with it.

import { InputError } from '../../core/errors.ts';
import type { ImageHeader } from '../../core/image-header.ts';
import type { JpegHeader } from '../../core/jpeg-header.ts';
import type { JpegScale } from '../../core/jpeg-scale.ts';
import { INFLATED_BYTES } from './inflate.ts';

const MIB = 1024 * 1024;

/** An instance before it has decoded anything, with its stack and tables. */
const BASE_BYTES = MIB / 2;

/**
 * Upper bound on the bytes that decoding holds at once besides the encoded bytes themselves: WASM heap and
 * the resulting pixels.
 */
export function decodeBytes(header: ImageHeader, encodedBytes: number, scale: JpegScale): number {
  const pixels = header.width * header.height;
  const turned = header.orientation === 1 ? 0 : 3 * Math.ceil(pixels / (scale * scale));
  switch (header.format) {
    case 'jpeg':
      return BASE_BYTES + encodedBytes + jpegBytes(header, scale) + turned;
    case 'png':
      // Rows stream through; only the picture is held.
      return BASE_BYTES + INFLATED_BYTES + 3 * pixels + turned;
    case 'webp':
      // Lossless: ARGB beside the RGBA output, and the colour cache's row buffers.
      return BASE_BYTES + encodedBytes + (header.lossless ? 10 : 4.25) * pixels + turned;
  }
}

function jpegBytes({ width, height, components, buffered }: JpegHeader, scale: JpegScale): number {
  const channels = components.length === 4 ? 4 : 3;
  const output = Math.ceil(width / scale) * Math.ceil(height / scale) * (channels + 3);
  const columns = Math.max(...components.map(({ horizontal }) => horizontal));
  const rows = Math.max(...components.map(({ vertical }) => vertical));
  const unitsX = Math.ceil(width / (8 * columns));
  const unitsY = Math.ceil(height / (8 * rows));
  // 64 coefficients of 16 bits per block: of the whole image, or of one row of units.
  const blocks = components.reduce((sum, { horizontal, vertical }) => sum + horizontal * vertical, 0);
  const coefficients = unitsX * (buffered ? unitsY : 1) * blocks * 128;
  // Sample rows between the inverse DCT, upsampling and colour conversion.
  const rowBuffers = unitsX * columns * 8 * components.length * rows * 8 * 2;
  return output + coefficients + rowBuffers;
}

/** What decoding takes. Throws InputError `image_too_large` when that is more than `maxBytes`. */
export function checkDecodeBytes(
  header: ImageHeader,
  encodedBytes: number,
  scale: JpegScale,
  maxBytes: number,
): number {
  const needed = decodeBytes(header, encodedBytes, scale);
  if (needed <= maxBytes) return needed;
  const advice =
    header.format === 'jpeg' && header.buffered
      ? 'scale it down, or save it as a baseline (not progressive) JPEG'
      : 'scale it down, for example to a short side of 512 pixels';
  throw new InputError(
    'image_too_large',
    `Expected an image that decodes within ${Math.floor(maxBytes / MIB)} MiB but found a ${header.format.toUpperCase()} of ${header.width}×${header.height} pixels that takes ${Math.ceil(needed / MIB)}; ${advice}.`,
  );
}
