// Pictures made on the spot, in any runtime: PNG (RFC 2083) with its pixels stored uncompressed.

export type Colour = readonly [red: number, green: number, blue: number];

export const RED: Colour = [255, 0, 0];
export const BLUE: Colour = [0, 0, 255];

/** 8×8 of one colour, unless another size is said. */
export function imageOf(colour: Colour, width = 8, height = 8): Uint8Array<ArrayBuffer> {
  return encode(width, height, () => colour);
}

/** Left half of one colour, right half of another. */
export function halves(left: Colour, right: Colour, width = 16, height = 8): Uint8Array<ArrayBuffer> {
  return encode(width, height, (x) => (x < width / 2 ? left : right));
}

function encode(width: number, height: number, colourAt: (x: number) => Colour): Uint8Array<ArrayBuffer> {
  const row = [0, ...Array.from({ length: width }, (_, x) => colourAt(x)).flat()];
  return fileOf(width, height, Uint8Array.from(Array.from({ length: height }, () => row).flat()));
}

/** A header that promises so many pixels, and none of them. */
export function emptyPng(width: number, height: number): Uint8Array<ArrayBuffer> {
  return fileOf(width, height, new Uint8Array());
}

function fileOf(width: number, height: number, rows: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(
    ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    ...chunk('IHDR', [...uint32(width), ...uint32(height), 8, 2, 0, 0, 0]),
    ...chunk('IDAT', zlibStored(rows)),
    ...chunk('IEND', []),
  );
}

function chunk(type: string, data: readonly number[]): number[] {
  const named = [...type].map((letter) => letter.charCodeAt(0)).concat(data);
  return [...uint32(data.length), ...named, ...uint32(crc32(named))];
}

/** One stored block (RFC 1951 §3.2.4): at most 65,535 bytes. */
function zlibStored(bytes: Uint8Array): number[] {
  const { length } = bytes;
  const sizes = [length & 255, length >> 8, ~length & 255, (~length >> 8) & 255];
  return [0x78, 0x01, 1, ...sizes, ...bytes, ...uint32(adler32(bytes))];
}

const uint32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

function crc32(bytes: readonly number[]): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return ((b << 16) | a) >>> 0;
}
