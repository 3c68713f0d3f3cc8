// What a JPEG says about itself before any pixel is decoded (ITU-T T.81 annex B), and whether it is
// complete. One walk over the markers, nothing allocated.

import { byteView } from './byte-view.ts';
import { InputError } from './errors.ts';
import { exifOrientation, type Orientation } from './exif.ts';

/** Sampling factors of a colour component, 1…4 each. */
export interface JpegComponent {
  readonly horizontal: number;
  readonly vertical: number;
}

export interface JpegHeader {
  readonly format: 'jpeg';
  /** Stored pixels, before the orientation is applied. */
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  /** 1 grey, 3 colour, 4 CMYK or YCCK. */
  readonly components: readonly JpegComponent[];
  /** The coefficients come in several scans, so a decoder must hold all of them at once. */
  readonly buffered: boolean;
}

/** A legitimate progressive file has about ten; each scan costs a pass over the whole image. */
const MAX_SCANS = 100;

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const APP1 = 0xe1;
const BASELINE = 0xc0;
const EXTENDED = 0xc1;
const PROGRESSIVE = 0xc2;

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: readonly JpegComponent[];
  readonly progressive: boolean;
}

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === SOI && bytes[2] === 0xff;
}

/**
 * Throws InputError `invalid_image` when the file is cut off or contradicts itself, `unsupported_image`
 * for the coding processes that no web browser shows either (arithmetic, lossless, 12-bit).
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = byteView(bytes);
  let orientation: Orientation | undefined;
  let frame: Frame | undefined;
  let firstScanComponents: number | undefined;
  let scans = 0;
  let offset = 2;
  for (;;) {
    offset = nextMarker(bytes, offset);
    const marker = bytes[offset + 1];
    if (marker === undefined) throw truncated(frame, bytes.length);
    offset += 2;
    if (marker === EOI) break;
    if (isStandalone(marker)) continue;
    const length = view.u16(offset);
    if (length === undefined || length < 2 || offset + length > bytes.length) {
      throw truncated(frame, bytes.length);
    }
    const segment = bytes.subarray(offset + 2, offset + length);
    if (marker === APP1) orientation ??= app1Orientation(segment);
    else if (isFrame(marker)) {
      if (frame !== undefined) throw invalid('one frame header', 'a second one');
      frame = readFrame(marker, segment);
    } else if (marker === SOS) {
      if (frame === undefined) throw invalid('a frame header before the first scan', 'none');
      scans += 1;
      if (scans > MAX_SCANS) throw invalid(`at most ${MAX_SCANS} scans`, 'more');
      firstScanComponents ??= segment[0] ?? 0;
    }
    offset += length;
  }
  if (frame === undefined || firstScanComponents === undefined) throw invalid('a picture', 'only metadata');
  const { width, height, components, progressive } = frame;
  const buffered = progressive || firstScanComponents < components.length;
  if (!buffered && scans > 1) throw invalid('one scan, as the first has all components,', `${scans}`);
  return { format: 'jpeg', width, height, orientation: orientation ?? 1, components, buffered };
}

/**
 * Offset of the next 0xFF that starts a marker. Inside entropy-coded data 0xFF00 is a data byte and
 * 0xFFD0…D7 are restart points; between segments fill bytes and strays are skipped, as libjpeg does.
 */
function nextMarker(bytes: Uint8Array, from: number): number {
  let offset = from;
  for (;;) {
    offset = bytes.indexOf(0xff, offset);
    if (offset < 0) return bytes.length;
    const code = bytes[offset + 1];
    if (code !== 0 && code !== 0xff) return offset;
    offset += 1;
  }
}

/** Markers without a length: TEM, restart points and a stray start of image. */
function isStandalone(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= SOI);
}

/** SOF0…SOF15; 0xC4, 0xC8 and 0xCC between them mean other things. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function readFrame(marker: number, segment: Uint8Array): Frame {
  const view = byteView(segment);
  if (marker !== BASELINE && marker !== EXTENDED && marker !== PROGRESSIVE) {
    throw unsupported(`coding process SOF${marker - BASELINE}`);
  }
  const precision = view.u8(0);
  if (precision !== 8) throw unsupported(`${precision} bits per sample`);
  const height = view.u16(1) ?? 0;
  const width = view.u16(3) ?? 0;
  const count = view.u8(5) ?? 0;
  if (width === 0 || height === 0) throw invalid('a width and height ≥ 1', `${width}×${height}`);
  if (count !== 1 && count !== 3 && count !== 4) throw unsupported(`${count} colour components`);
  if (segment.length !== 6 + count * 3) throw invalid(`a frame header of ${8 + count * 3} bytes`, 'another');
  const components = Array.from({ length: count }, (_, index) => {
    const factors = view.u8(7 + index * 3) ?? 0;
    const component = { horizontal: factors >> 4, vertical: factors & 15 };
    if (!isFactor(component.horizontal) || !isFactor(component.vertical)) {
      throw invalid('sampling factors from 1 to 4', `${component.horizontal}×${component.vertical}`);
    }
    return component;
  });
  return { width, height, components, progressive: marker === PROGRESSIVE };
}

function isFactor(value: number): boolean {
  return value >= 1 && value <= 4;
}

/** Undefined when the segment is not EXIF (it may be XMP). */
function app1Orientation(segment: Uint8Array): Orientation | undefined {
  const isExif = byteView(segment).text(0, 6) === 'Exif\0\0';
  return isExif ? exifOrientation(segment.subarray(6)) : undefined;
}

function truncated(frame: Frame | undefined, length: number): InputError {
  const size = frame === undefined ? '' : ` of ${frame.width}×${frame.height} pixels`;
  return new InputError(
    'invalid_image',
    `Expected a complete JPEG${size} but found that it ends after ${length} bytes without an end marker; send the whole file.`,
  );
}

function invalid(expected: string, found: string): InputError {
  return new InputError('invalid_image', `Expected ${expected} in the JPEG but found ${found}.`);
}

function unsupported(found: string): InputError {
  return new InputError(
    'unsupported_image',
    `Expected a baseline or progressive Huffman JPEG of 8 bits with 1, 3 or 4 components but found ${found}; save it again as an ordinary JPEG.`,
  );
}
