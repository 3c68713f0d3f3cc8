// Pictures that cannot be decoded within the memory there is: refused from their headers, with words that say
// the limit and what to do. Each file is a header without a picture, so nothing but the header can decide.

import { describe, expect, test } from 'vitest';
import type { ImageDecoder } from '../../core/ports.ts';
import { errorAnswer } from '../../worker/schemas/answer.ts';
import { createFixture } from './fixture.ts';
import { emptyPng } from './png.ts';

const MIB = 1024 * 1024;
const LIMIT = 56 * MIB;

const bytes = (...parts: readonly (number | string | readonly number[])[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === 'string' ? [...part].map((letter) => letter.charCodeAt(0)) : part,
    ),
  );
const uint16 = (value: number) => [value >> 8, value & 255];
const little32 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];

const BASELINE = 0xc0;
const PROGRESSIVE = 0xc2;

/** Three components; `luma` is 0x11 for 4:4:4, 0x22 for 4:2:0. */
function jpegOf(frame: number, luma: number, width: number, height: number): Uint8Array<ArrayBuffer> {
  const components = [1, luma, 0, 2, 0x11, 0, 3, 0x11, 0];
  const scan = [1, 0, 2, 0, 3, 0, 0, 63, 0];
  return bytes(
    [0xff, 0xd8, 0xff, frame, 0, 17, 8, ...uint16(height), ...uint16(width), 3, ...components],
    [0xff, 0xda, 0, 12, 3, ...scan, 0xff, 0xd9],
  );
}

function webpOf(type: 'VP8 ' | 'VP8L', picture: readonly number[]): Uint8Array<ArrayBuffer> {
  const even = [...picture, ...Array.from({ length: picture.length % 2 }, () => 0)];
  return bytes('RIFF', little32(12 + even.length), 'WEBP', type, little32(picture.length), even);
}

const little16 = (value: number) => [value & 255, value >> 8];
const lossy = (width: number, height: number) =>
  webpOf('VP8 ', [0, 0, 0, 0x9d, 0x01, 0x2a, ...little16(width), ...little16(height)]);
const lossless = (width: number, height: number) =>
  webpOf('VP8L', [0x2f, ...little32((width - 1) | ((height - 1) << 14))]);

/** What a picture of this size can do about it. */
const SMALLER = /scale it down, for example to a short side of 512 pixels/;

/** `createDecoder` gives the runtime's own decoder with so much memory for one picture. */
export function testTooLarge(
  createDecoder: (maxBytes: number) => ImageDecoder | Promise<ImageDecoder>,
): void {
  const classify = async (type: string, body: Uint8Array<ArrayBuffer>, maxBytes = LIMIT) => {
    const { app } = await createFixture(await createDecoder(maxBytes));
    const headers = { 'content-type': type };
    const response = await app.request('/v1/classify', { method: 'POST', headers, body });
    return { status: response.status, error: errorAnswer.parse(await response.json()).error };
  };

  describe('a picture that would not fit into 56 MiB', () => {
    test.each<[string, string, Uint8Array<ArrayBuffer>, string, RegExp]>([
      ['baseline JPEG', 'image/jpeg', jpegOf(BASELINE, 0x22, 65_000, 700), 'JPEG of 65000×700', SMALLER],
      [
        'progressive JPEG',
        'image/jpeg',
        jpegOf(PROGRESSIVE, 0x11, 4032, 3024),
        'JPEG of 4032×3024',
        /scale it down, or save it as a baseline \(not progressive\) JPEG/,
      ],
      ['PNG', 'image/png', emptyPng(5000, 4000), 'PNG of 5000×4000', SMALLER],
      ['lossy WebP', 'image/webp', lossy(16_000, 1000), 'WEBP of 16000×1000', SMALLER],
      ['lossless WebP', 'image/webp', lossless(4032, 3024), 'WEBP of 4032×3024', SMALLER],
    ])('%s → 413', async (_, type, body, found, remedy) => {
      const { status, error } = await classify(type, body);
      expect([status, error.code, error.type]).toEqual([413, 'image_too_large', 'invalid_request_error']);
      expect(error.message).toContain('decodes within 56 MiB');
      expect(error.message).toContain(`${found} pixels`);
      expect(error.message).toMatch(remedy);
    });
  });

  test.each<[string, string, Uint8Array<ArrayBuffer>]>([
    ['baseline JPEG', 'image/jpeg', jpegOf(BASELINE, 0x22, 4032, 3024)],
    ['progressive JPEG', 'image/jpeg', jpegOf(PROGRESSIVE, 0x22, 4032, 3024)],
    ['PNG', 'image/png', emptyPng(4032, 3024)],
    ['lossy WebP', 'image/webp', lossy(4000, 3000)],
  ])(
    '12 megapixels of %s would fit: there, decoding finds that no picture follows',
    async (_, type, body) => {
      const { status, error } = await classify(type, body);
      expect([status, error.code]).toEqual([422, 'invalid_image']);
    },
  );

  test('the limit is what is left beside the model, and the message says it', async () => {
    const { status, error } = await classify('image/png', emptyPng(4032, 3024), 10 * MIB);
    expect([status, error.code]).toEqual([413, 'image_too_large']);
    expect(error.message).toContain('decodes within 10 MiB');
  });

  test('more pixels than are taken are refused whatever the format', async () => {
    const { status, error } = await classify('image/jpeg', jpegOf(BASELINE, 0x22, 10_000, 6000));
    expect([status, error.code]).toEqual([413, 'image_too_large']);
    expect(error.message).toMatch(/at most 50000000 pixels .* found 10000×6000 = 60000000; scale it down/);
  });
}
