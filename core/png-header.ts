// What a PNG says about itself before any pixel is decoded (PNG specification, third edition, §5, §11).

import { byteView } from './byte-view.ts';
import { InputError } from './errors.ts';
import { exifOrientation, type Orientation } from './exif.ts';

/** Samples per pixel in the file by colour type; a palette index counts as one. */
const SAMPLES = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 } as const;

/** 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha. */
export type PngColorType = keyof typeof SAMPLES;

export interface PngHeader {
  readonly format: 'png';
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  /** Bits per sample: 1, 2, 4, 8 or 16. */
  readonly bitDepth: number;
  readonly colorType: PngColorType;
  /** Samples per pixel in the file. */
  readonly samples: number;
  /** Adam7. */
  readonly interlaced: boolean;
}

export interface PngChunk {
  /** Four letters: IHDR, PLTE, IDAT, … */
  readonly type: string;
  readonly data: Uint8Array;
}

const SIGNATURE = '\x89PNG\r\n\x1a\n';
/** Chunks that make pixels; IDAT has a checksum of its own inside, and the others may be damaged. */
const CHECKED: ReadonlySet<string> = new Set(['IHDR', 'PLTE', 'tRNS']);
/** A palette of 256 colours. */
const MAX_CHECKED_BYTES = 768;

const BIT_DEPTHS: Record<PngColorType, readonly number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

export function isPng(bytes: Uint8Array): boolean {
  return byteView(bytes).text(0, 8) === SIGNATURE;
}

/** Throws InputError `invalid_image` when the file is cut off or its first chunk is no valid IHDR. */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  const first = byteView(bytes);
  if (first.text(12, 4) !== 'IHDR' || first.u32(8) !== 13)
    throw invalid('IHDR as the first chunk', 'another');
  const view = byteView(bytes.subarray(16, 29));
  const width = view.u32(0) ?? 0;
  const height = view.u32(4) ?? 0;
  const bitDepth = view.u8(8) ?? 0;
  const colorType = toColorType(view.u8(9));
  const interlace = view.u8(12);
  if (width === 0 || height === 0) throw invalid('a width and height ≥ 1', `${width}×${height}`);
  if (colorType === undefined || !BIT_DEPTHS[colorType].includes(bitDepth)) {
    throw invalid('a colour type and bit depth of the specification', `${view.u8(9)} with ${bitDepth} bits`);
  }
  if (view.u8(10) !== 0 || view.u8(11) !== 0 || (interlace !== 0 && interlace !== 1)) {
    throw invalid('compression 0, filter 0 and interlace 0 or 1', `${[...bytes.subarray(26, 29)]}`);
  }
  let orientation: Orientation = 1;
  for (const { type, data } of pngChunks(bytes)) {
    if (type === 'eXIf') orientation = exifOrientation(data);
  }
  return {
    format: 'png',
    width,
    height,
    orientation,
    bitDepth,
    colorType,
    samples: SAMPLES[colorType],
    interlaced: interlace === 1,
  };
}

/**
 * The chunks up to IEND, in order, as views. Throws InputError `invalid_image` when the file is cut off or
 * the checksum of a chunk that makes pixels is wrong.
 */
export function* pngChunks(bytes: Uint8Array): Generator<PngChunk> {
  const view = byteView(bytes);
  for (let offset = SIGNATURE.length; ; ) {
    const length = view.u32(offset);
    const end = offset + 8 + (length ?? 0) + 4;
    if (length === undefined || end > bytes.length) {
      const size = `${view.u32(16) ?? '?'}×${view.u32(20) ?? '?'} pixels`;
      throw invalid(
        `all chunks of ${size} up to IEND`,
        `an end after ${bytes.length} bytes; send the whole file`,
      );
    }
    const type = view.text(offset + 4, 4);
    if (type === 'IEND') return;
    if (CHECKED.has(type) && length > MAX_CHECKED_BYTES) {
      throw invalid(`at most ${MAX_CHECKED_BYTES} bytes of ${type}`, `${length}`);
    }
    if (CHECKED.has(type) && crc32(bytes.subarray(offset + 4, end - 4)) !== view.u32(end - 4)) {
      throw invalid(`the checksum of ${type}`, 'another; the file is damaged');
    }
    yield { type, data: bytes.subarray(offset + 8, end - 4) };
    offset = end;
  }
}

/** CRC-32 of annex D, bit by bit: the checked chunks are short. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function toColorType(value: number | undefined): PngColorType | undefined {
  return value === 0 || value === 2 || value === 3 || value === 4 || value === 6 ? value : undefined;
}

function invalid(expected: string, found: string): InputError {
  return new InputError('invalid_image', `Expected ${expected} in the PNG but found ${found}.`);
}
