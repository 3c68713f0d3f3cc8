// What a WebP says about itself before any pixel is decoded (RFC 9649; VP8: RFC 6386 §9.1).

import { byteView } from './byte-view.ts';
import { InputError } from './errors.ts';
import { exifOrientation, type Orientation } from './exif.ts';

export interface WebpHeader {
  readonly format: 'webp';
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  readonly lossless: boolean;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** VP8X: the file is an animation. */
const ANIMATION_FLAG = 0x02;

export function isWebp(bytes: Uint8Array): boolean {
  const view = byteView(bytes);
  return view.text(0, 4) === 'RIFF' && view.text(8, 4) === 'WEBP';
}

/**
 * Throws InputError `invalid_image` when the file is cut off or contradicts itself, `unsupported_image`
 * for animations.
 */
export function readWebpHeader(bytes: Uint8Array): WebpHeader {
  let canvas: Size | undefined;
  let picture: (Size & { lossless: boolean }) | undefined;
  let orientation: Orientation = 1;
  for (const { type, data } of webpChunks(bytes)) {
    if (type === 'VP8X') canvas ??= readCanvas(data);
    else if (type === 'VP8 ') picture ??= { ...readLossy(data), lossless: false };
    else if (type === 'VP8L') picture ??= { ...readLossless(data), lossless: true };
    else if (type === 'EXIF') orientation = exifOrientation(withoutPrefix(data));
  }
  if (picture === undefined) throw invalid('a VP8 or VP8L chunk', 'none');
  const { width, height, lossless } = picture;
  if (width === 0 || height === 0) throw invalid('a width and height ≥ 1', `${width}×${height}`);
  if (canvas !== undefined && (canvas.width !== width || canvas.height !== height)) {
    throw invalid(`a picture of the canvas's ${canvas.width}×${canvas.height} pixels`, `${width}×${height}`);
  }
  return { format: 'webp', width, height, orientation, lossless };
}

function* webpChunks(bytes: Uint8Array): Generator<{ type: string; data: Uint8Array }> {
  const view = byteView(bytes);
  const end = 8 + (view.u32(4, true) ?? 0);
  if (end > bytes.length) {
    throw invalid(`${end} bytes, as its header says,`, `${bytes.length}; send the whole file`);
  }
  for (let offset = 12; offset + 8 <= end; ) {
    const length = view.u32(offset + 4, true) ?? 0;
    if (offset + 8 + length > end) throw invalid('every chunk inside the file', 'one that ends after it');
    yield { type: view.text(offset, 4), data: bytes.subarray(offset + 8, offset + 8 + length) };
    // Chunks are padded to an even length.
    offset += 8 + length + (length % 2);
  }
}

function readCanvas(data: Uint8Array): Size {
  const view = byteView(data);
  if (((view.u8(0) ?? 0) & ANIMATION_FLAG) !== 0) {
    throw new InputError(
      'unsupported_image',
      'Expected a still WebP but found an animation; send one frame.',
    );
  }
  return { width: (view.u24(4, true) ?? 0) + 1, height: (view.u24(7, true) ?? 0) + 1 };
}

/** A VP8 key frame: 3 bytes frame tag, start code, 14 bits each of width and height. */
function readLossy(data: Uint8Array): Size {
  const view = byteView(data);
  if (view.u24(3) !== 0x9d012a) throw invalid('the start code of a VP8 key frame', 'another');
  return { width: (view.u16(6, true) ?? 0) & 0x3fff, height: (view.u16(8, true) ?? 0) & 0x3fff };
}

/** VP8L: one signature byte, then 14 bits each of width − 1 and height − 1, little-endian. */
function readLossless(data: Uint8Array): Size {
  const view = byteView(data);
  const size = view.u32(1, true);
  if (view.u8(0) !== 0x2f || size === undefined) throw invalid('the signature of VP8L', 'another');
  return { width: (size & 0x3fff) + 1, height: ((size >>> 14) & 0x3fff) + 1 };
}

/** Some writers put JPEG's prefix before the TIFF header. */
function withoutPrefix(data: Uint8Array): Uint8Array {
  return byteView(data).text(0, 6) === 'Exif\0\0' ? data.subarray(6) : data;
}

function invalid(expected: string, found: string): InputError {
  return new InputError('invalid_image', `Expected ${expected} in the WebP but found ${found}.`);
}
