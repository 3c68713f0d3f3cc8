// PNG samples → 8-bit RGB over white, for every colour type and bit depth of the specification.

import { blendOverWhite } from '../../core/alpha.ts';
import type { PngHeader } from '../../core/png-header.ts';

/** Chunks that change what samples mean. */
export interface PngColors {
  /** PLTE: RGB triples. */
  readonly palette: Uint8Array | undefined;
  /** tRNS: alpha per palette entry, or the one transparent grey or RGB value in 16 bits per sample. */
  readonly transparency: Uint8Array | undefined;
}

/**
 * Writes the `count` pixels of an unfiltered row to `data`, the first at byte `target`, each next one
 * `step` bytes on. 16-bit samples keep their high byte, as libpng's strip_16 does.
 */
export type PixelWriter = (
  row: Uint8Array,
  count: number,
  data: Uint8Array,
  target: number,
  step: number,
) => void;

export function pixelWriter(header: PngHeader, colors: PngColors): PixelWriter {
  const { colorType, bitDepth, samples } = header;
  const { palette, transparency } = colors;
  if (colorType === 3) return tableWriter(bitDepth, paletteTable(palette, transparency));
  if (colorType === 0 && bitDepth <= 8) return tableWriter(bitDepth, greyTable(bitDepth, transparency));
  return sampleWriter(samples, bitDepth / 8, transparency);
}

/** RGB of each palette index over white; indexes past the palette are black, as in libpng. */
function paletteTable(palette: Uint8Array | undefined, transparency: Uint8Array | undefined): Uint8Array {
  return Uint8Array.from({ length: 256 * 3 }, (_, index) =>
    blendOverWhite(palette?.[index] ?? 0, transparency?.[Math.trunc(index / 3)] ?? 255),
  );
}

/** RGB of each grey value; the transparent one is white. */
function greyTable(bitDepth: number, transparency: Uint8Array | undefined): Uint8Array {
  const brightest = 2 ** bitDepth - 1;
  const clear = transparency === undefined ? undefined : (transparency[1] ?? 0) & brightest;
  return Uint8Array.from({ length: 256 * 3 }, (_, index) => {
    const value = Math.trunc(index / 3);
    return value === clear ? 255 : (value * 255) / brightest;
  });
}

/** One sample of 1, 2, 4 or 8 bits per pixel, looked up in a table of RGB triples. */
function tableWriter(bitDepth: number, table: Uint8Array): PixelWriter {
  const mask = 2 ** bitDepth - 1;
  return (row, count, data, target, step) => {
    for (let pixel = 0, at = target; pixel < count; pixel += 1, at += step) {
      const bit = pixel * bitDepth;
      // The leftmost pixel is in the high bits.
      const value = ((row[bit >> 3] ?? 0) >> (8 - bitDepth - (bit & 7))) & mask;
      data[at] = table[value * 3] ?? 0;
      data[at + 1] = table[value * 3 + 1] ?? 0;
      data[at + 2] = table[value * 3 + 2] ?? 0;
    }
  };
}

/** One to four samples of `width` bytes per pixel: grey, grey + alpha, RGB, RGBA. */
function sampleWriter(samples: number, width: number, transparency: Uint8Array | undefined): PixelWriter {
  const pixelBytes = samples * width;
  const green = samples >= 3 ? width : 0;
  const blue = 2 * green;
  const alpha = samples === 2 || samples === 4 ? (samples - 1) * width : undefined;
  const clear = alpha === undefined ? transparency : undefined;
  return (row, count, data, target, step) => {
    for (
      let pixel = 0, at = target, source = 0;
      pixel < count;
      pixel += 1, at += step, source += pixelBytes
    ) {
      let opacity = 255;
      if (alpha !== undefined) opacity = row[source + alpha] ?? 0;
      else if (clear !== undefined && isClear(row, source, samples, width, clear)) opacity = 0;
      data[at] = blendOverWhite(row[source] ?? 0, opacity);
      data[at + 1] = blendOverWhite(row[source + green] ?? 0, opacity);
      data[at + 2] = blendOverWhite(row[source + blue] ?? 0, opacity);
    }
  };
}

/** Whether the pixel equals the transparent colour in all bits; tRNS has 16 per sample at any depth. */
function isClear(
  row: Uint8Array,
  source: number,
  samples: number,
  width: number,
  clear: Uint8Array,
): boolean {
  for (let sample = 0; sample < samples; sample += 1) {
    for (let byte = 0; byte < width; byte += 1) {
      if (row[source + sample * width + byte] !== clear[sample * 2 + 2 - width + byte]) return false;
    }
  }
  return true;
}
