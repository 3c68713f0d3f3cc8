import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { exifOrientation } from '../../core/exif.ts';
import { checkImage, readImageHeader } from '../../core/image-header.ts';
import { jpegScale } from '../../core/jpeg-scale.ts';
import { upright } from '../../core/orientation.ts';

const read = (file: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, '../golden/images', file)));

describe('a header says what the decoder will meet', () => {
  const colour = (horizontal: number, vertical: number) => [
    { horizontal, vertical },
    { horizontal: 1, vertical: 1 },
    { horizontal: 1, vertical: 1 },
  ];
  test.each([
    ['420.jpg', { width: 200, height: 151, orientation: 1, components: colour(2, 2), buffered: false }],
    ['422.jpg', { components: colour(2, 1), buffered: false }],
    ['progressive-444.jpg', { components: colour(1, 1), buffered: true }],
    ['grey.jpg', { components: [{ horizontal: 1, vertical: 1 }] }],
    ['cmyk.jpg', { components: Array(4).fill({ horizontal: 1, vertical: 1 }) }],
    ['orientation-7.jpg', { width: 40, height: 24, orientation: 7 }],
    ['stray-bytes.jpg', { width: 64, height: 49 }],
    ['grey-1.png', { format: 'png', bitDepth: 1, colorType: 0, samples: 1, interlaced: false }],
    ['rgba-16-interlaced.png', { bitDepth: 16, colorType: 6, samples: 4, interlaced: true }],
    ['exif-after-picture.png', { width: 45, height: 33, orientation: 8 }],
    ['lossy.webp', { format: 'webp', width: 100, height: 75, orientation: 1, lossless: false }],
    ['alpha-lossless.webp', { width: 50, height: 37, lossless: true }],
    ['exif-5-prefixed.webp', { width: 100, height: 75, orientation: 5 }],
  ])('%s', (file, expected) => {
    expect(readImageHeader(read(file))).toMatchObject(expected);
  });
});

test('a file cut anywhere is refused or read, never anything else', () => {
  for (const file of ['orientation-7.jpg', 'palette-alpha.png', 'exif-6.webp']) {
    const bytes = read(file);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => readImageHeader(bytes.subarray(0, length))).toThrow(InputError);
    }
  }
});

test('the order of checks: bytes before magic, pixels before anything is allocated', () => {
  const garbage = new Uint8Array(20);
  const limits = { maxBytes: 19, maxPixels: 1 };
  expect(() => checkImage(garbage, limits)).toThrow('Expected at most 19 bytes for an image but found 20');
  expect(() => checkImage(garbage, { ...limits, maxBytes: 20 })).toThrow(
    'Expected image/jpeg, image/png, image/webp but found an unknown format that starts with 00 00',
  );
  expect(() => checkImage(read('huge.png'), { maxBytes: 1e6, maxPixels: 1e9 })).toThrow(
    'Expected at most 1000000000 pixels for an image but found 60000×60000 = 3600000000; scale it down',
  );
});

test('a JPEG of more scans than any encoder writes is refused: each costs a pass over the image', () => {
  const bytes = read('progressive.jpg');
  const scan = bytes.findIndex((byte, index) => byte === 0xff && bytes[index + 1] === 0xda);
  const end = bytes.length - 2;
  const bomb = Uint8Array.from([
    ...bytes.subarray(0, end),
    ...Array.from({ length: 100 }, () => [...bytes.subarray(scan, scan + 14)]).flat(),
    ...bytes.subarray(end),
  ]);
  expect(() => readImageHeader(bomb)).toThrow('Expected at most 100 scans in the JPEG but found more.');
});

describe('EXIF', () => {
  const tiff = (order: 'II' | 'MM', type: number, value: number[]) =>
    order === 'MM'
      ? [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, type, 0, 0, 0, 1, ...value]
      : [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, type, 0, 1, 0, 0, 0, ...value];
  test.each([
    ['big-endian', tiff('MM', 3, [0, 6, 0, 0]), 6],
    ['little-endian', tiff('II', 3, [8, 0, 0, 0]), 8],
    ['as a long', tiff('II', 4, [3, 0, 0, 0]), 3],
    ['an unknown orientation', tiff('MM', 3, [0, 9, 0, 0]), 1],
    ['another type', tiff('MM', 2, [0, 6, 0, 0]), 1],
    ['cut off', tiff('MM', 3, []), 1],
    ['no byte order', [0, 0, 0, 42, 0, 0, 0, 8], 1],
    ['a directory past the end', [0x4d, 0x4d, 0, 42, 0xff, 0xff, 0xff, 0xff], 1],
    ['nothing', [], 1],
  ])('%s', (_, bytes, orientation) => {
    expect(exifOrientation(Uint8Array.from(bytes))).toBe(orientation);
  });
});

describe('upright', () => {
  // Stored as  0 1 2
  //            3 4 5
  const stored = { width: 3, height: 2, data: Uint8Array.from({ length: 18 }, (_, i) => Math.trunc(i / 3)) };
  test.each([
    [1, 3, [0, 1, 2, 3, 4, 5]],
    [2, 3, [2, 1, 0, 5, 4, 3]],
    [3, 3, [5, 4, 3, 2, 1, 0]],
    [4, 3, [3, 4, 5, 0, 1, 2]],
    [5, 2, [0, 3, 1, 4, 2, 5]],
    [6, 2, [3, 0, 4, 1, 5, 2]],
    [7, 2, [5, 2, 4, 1, 3, 0]],
    [8, 2, [2, 5, 1, 4, 0, 3]],
  ] as const)('orientation %i', (orientation, width, pixels) => {
    const image = upright(stored, orientation);
    expect(image).toMatchObject({ width, height: 6 / width });
    expect([...image.data].filter((_, index) => index % 3 === 0)).toEqual(pixels);
  });
});

describe('the scale leaves the short side at least twice the resized one', () => {
  test.each([
    [4032, 3024, 256, 4],
    [3024, 4032, 256, 4],
    [4096, 4096, 256, 8],
    [4096, 4089, 256, 8],
    [4096, 4088, 256, 4],
    [2048, 1024, 256, 2],
    [1022, 5000, 256, 1],
    [640, 480, 256, 1],
    [1, 1, 256, 1],
  ])('%i×%i for %i: 1/%i', (width, height, resize, scale) => {
    expect(jpegScale(width, height, resize)).toBe(scale);
  });
});
