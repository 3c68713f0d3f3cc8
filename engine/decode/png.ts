// PNG → RGB row by row: the platform's inflate, then filters and samples here. Nothing but two rows is
// held beside the resulting pixels, where WASM decoders hold the file, the samples and RGBA.

import { InputError } from '../../core/errors.ts';
import { type PngHeader, pngChunks } from '../../core/png-header.ts';
import type { FormatDecoder } from './format-decoder.ts';
import { inflate } from './inflate.ts';
import { unfilter } from './png-filter.ts';
import { pixelWriter } from './png-pixels.ts';

/** A reduced image of Adam7: the pixels at x = left + i·stepX, y = top + j·stepY. */
interface Pass {
  readonly left: number;
  readonly top: number;
  readonly stepX: number;
  readonly stepY: number;
}

const WHOLE: readonly Pass[] = [{ left: 0, top: 0, stepX: 1, stepY: 1 }];
const ADAM7: readonly Pass[] = [
  { left: 0, top: 0, stepX: 8, stepY: 8 },
  { left: 4, top: 0, stepX: 8, stepY: 8 },
  { left: 0, top: 4, stepX: 4, stepY: 8 },
  { left: 2, top: 0, stepX: 4, stepY: 4 },
  { left: 0, top: 2, stepX: 2, stepY: 4 },
  { left: 1, top: 0, stepX: 2, stepY: 2 },
  { left: 0, top: 1, stepX: 1, stepY: 2 },
];

/** One row of the file: where its pixels go. */
interface Line {
  /** Bytes without the filter type. */
  readonly bytes: number;
  readonly pixels: number;
  /** Byte in the picture of its first pixel, and bytes to the next. */
  readonly target: number;
  readonly step: number;
  /** The first of its pass, which has no row above. */
  readonly first: boolean;
}

/** Keeps the largest array of pixels that was released. */
export function createPngDecoder(): FormatDecoder<PngHeader> {
  let kept: Uint8Array | undefined;
  return {
    async decode(bytes, header) {
      const { width, height } = header;
      const length = width * height * 3;
      const memory = kept !== undefined && kept.length >= length ? kept : new Uint8Array(length);
      kept = undefined;
      let lent = true;
      const release = () => {
        if (lent && memory.length > (kept?.length ?? 0)) kept = memory;
        lent = false;
      };
      const data = memory.subarray(0, length);
      try {
        await decodeRows(bytes, header, data);
      } catch (cause) {
        release();
        throw cause;
      }
      return { width, height, data, release };
    },
    heldBytes: () => kept?.length ?? 0,
    drop: () => {
      kept = undefined;
    },
  };
}

/** Fills `data`, height × width × 3 bytes. Throws InputError `invalid_image`. */
async function decodeRows(bytes: Uint8Array, header: PngHeader, data: Uint8Array): Promise<void> {
  const { width, bitDepth, samples } = header;
  const { data: compressed, palette, transparency } = collectChunks(bytes, header);
  const writePixels = pixelWriter(header, { palette, transparency });
  const bytesPerPixel = Math.max((bitDepth * samples) / 8, 1);
  const longest = Math.ceil((width * bitDepth * samples) / 8);
  let row = new Uint8Array(longest);
  let above = new Uint8Array(longest);

  const lines = linesOf(header);
  let line = lines.next();
  let filter: number | undefined;
  let filled = 0;

  /** Takes the bytes of filter types and rows. False when the picture was complete before the last one. */
  const push = (piece: Uint8Array): boolean => {
    for (let offset = 0; offset < piece.length; ) {
      if (line.done) return false;
      if (filter === undefined) {
        filter = piece[offset];
        offset += 1;
        filled = 0;
        if (line.value.first) above.fill(0);
        continue;
      }
      const { pixels, target, step, bytes: wanted } = line.value;
      const taken = Math.min(wanted - filled, piece.length - offset);
      row.set(piece.subarray(offset, offset + taken), filled);
      filled += taken;
      offset += taken;
      if (filled < wanted) return true;
      if (!unfilter(filter, row.subarray(0, wanted), above, bytesPerPixel)) {
        throw broken(header, `row filter ${filter}`);
      }
      writePixels(row, pixels, data, target, step);
      [row, above] = [above, row];
      filter = undefined;
      line = lines.next();
    }
    return true;
  };

  try {
    for await (const piece of inflate(compressed)) {
      // Data after the last row is ignored, as libpng does, and not even inflated: it may be a bomb.
      if (!push(piece)) break;
    }
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw broken(header, 'damaged or missing picture data', cause);
  }
  if (!line.done) throw broken(header, 'less picture data than that');
}

function* linesOf({ width, height, bitDepth, samples, interlaced }: PngHeader): Generator<Line, void> {
  for (const { left, top, stepX, stepY } of interlaced ? ADAM7 : WHOLE) {
    const pixels = Math.ceil((width - left) / stepX);
    if (pixels <= 0) continue;
    const bytes = Math.ceil((pixels * bitDepth * samples) / 8);
    for (let y = top; y < height; y += stepY) {
      yield { bytes, pixels, target: (y * width + left) * 3, step: stepX * 3, first: y === top };
    }
  }
}

interface Chunks {
  readonly data: readonly Uint8Array[];
  readonly palette: Uint8Array | undefined;
  readonly transparency: Uint8Array | undefined;
}

function collectChunks(bytes: Uint8Array, header: PngHeader): Chunks {
  const data: Uint8Array[] = [];
  let palette: Uint8Array | undefined;
  let transparency: Uint8Array | undefined;
  for (const chunk of pngChunks(bytes)) {
    if (chunk.type === 'IDAT') data.push(chunk.data);
    else if (chunk.type === 'PLTE') palette ??= chunk.data;
    else if (chunk.type === 'tRNS') transparency ??= chunk.data;
  }
  if (data.length === 0) throw broken(header, 'no picture data');
  if (header.colorType === 3 && palette === undefined) throw broken(header, 'no palette');
  return { data, palette, transparency };
}

function broken({ width, height }: PngHeader, found: string, cause?: unknown): InputError {
  return new InputError(
    'invalid_image',
    `Expected a complete PNG of ${width}×${height} pixels but the decoder found: ${found}.`,
    { cause },
  );
}
