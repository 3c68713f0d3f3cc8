// The checks on an encoded image before any decoder sees it, in order: bytes, magic, header, pixels.

import { byteView } from './byte-view.ts';
import { InputError } from './errors.ts';
import type { ImageLimits } from './image.ts';
import { isJpeg, type JpegHeader, readJpegHeader } from './jpeg-header.ts';
import { isPng, type PngHeader, readPngHeader } from './png-header.ts';
import { isWebp, readWebpHeader, type WebpHeader } from './webp-header.ts';

/** Width and height are those of the stored pixels; an orientation of 5…8 swaps them. */
export type ImageHeader = JpegHeader | PngHeader | WebpHeader;

/** Media types that are decoded. */
const ACCEPTED_IMAGES = ['image/jpeg', 'image/png', 'image/webp'] as const;

/** Other formats people send, so that the refusal can name them: offset and bytes as Latin-1. */
const OTHERS: readonly [name: string, offset: number, magic: string][] = [
  ['image/gif', 0, 'GIF8'],
  ['image/bmp', 0, 'BM'],
  ['image/tiff', 0, 'II*\0'],
  ['image/tiff', 0, 'MM\0*'],
  ['image/avif', 4, 'ftypavif'],
  ['image/heic', 4, 'ftyphei'],
  ['image/heic', 4, 'ftypmif1'],
  ['image/jxl', 0, '\xff\x0a'],
  ['image/jxl', 4, 'JXL '],
  ['image/jp2', 4, 'jP  '],
  ['image/svg+xml', 0, '<svg'],
  ['text (XML or HTML)', 0, '<'],
  ['application/pdf', 0, '%PDF'],
  ['application/zip', 0, 'PK'],
];

/**
 * The header of an image that may be decoded: within `limits`, of a known format, complete as far as
 * its structure tells. Reads only; allocates nothing of the image's size.
 * Throws InputError `image_too_large`, `unsupported_image` or `invalid_image`.
 */
export function checkImage(bytes: Uint8Array, limits: ImageLimits): ImageHeader {
  if (bytes.length > limits.maxBytes) {
    throw new InputError(
      'image_too_large',
      `Expected at most ${limits.maxBytes} bytes for an image but found ${bytes.length}; send a smaller file.`,
    );
  }
  const header = readImageHeader(bytes);
  if (header.width * header.height > limits.maxPixels) {
    throw new InputError(
      'image_too_large',
      `Expected at most ${limits.maxPixels} pixels for an image but found ${header.width}×${header.height} = ${header.width * header.height}; scale it down, for example to a short side of 512 pixels.`,
    );
  }
  return header;
}

/** As checkImage, without limits. */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  if (isJpeg(bytes)) return readJpegHeader(bytes);
  if (isPng(bytes)) return readPngHeader(bytes);
  if (isWebp(bytes)) return readWebpHeader(bytes);
  if (bytes.length === 0) throw new InputError('invalid_image', 'Expected an image but found 0 bytes.');
  throw new InputError(
    'unsupported_image',
    `Expected ${ACCEPTED_IMAGES.join(', ')} but found ${nameOf(bytes)}; convert it to one of these.`,
  );
}

function nameOf(bytes: Uint8Array): string {
  const view = byteView(bytes);
  const known = OTHERS.find(([, offset, magic]) => view.text(offset, magic.length) === magic);
  if (known !== undefined) return known[0];
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0'));
  return `an unknown format that starts with ${start.join(' ')}`;
}
