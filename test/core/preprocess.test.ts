import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { overWhite } from '../../core/alpha.ts';
import type { RgbImage } from '../../core/image.ts';
import { geometry, preprocess } from '../../core/preprocess.ts';
import golden from '../golden/resize.json' with { type: 'json' };
import { noise } from './noise.ts';

type GoldenCase = (typeof golden.cases)[number];

const sha256 = (bytes: Uint8Array | Uint8ClampedArray): string =>
  createHash('sha256').update(bytes).digest('hex');

function source({ mode, width, height, seed, saturated }: GoldenCase): RgbImage {
  const channels = { L: 1, RGB: 3, RGBA: 4 }[mode] ?? 3;
  const samples = noise(width * height * channels, seed);
  if (saturated)
    samples.forEach((sample, index) => {
      samples[index] = sample >= 128 ? 255 : 0;
    });
  if (mode === 'RGBA') return overWhite(samples, width, height);
  if (mode === 'RGB') return { width, height, data: samples };
  const grey = Uint8Array.from(
    { length: samples.length * 3 },
    (_, index) => samples[Math.trunc(index / 3)] ?? 0,
  );
  return { width, height, data: grey };
}

const image = (width: number, height: number): RgbImage => ({
  width,
  height,
  data: noise(width * height * 3, 1),
});

describe('preprocess is bit for bit Pillow and torchvision', () => {
  test.each(golden.cases)('$name: $mode $width×$height → $resize → $crop', (expected) => {
    const { resize, crop } = expected;
    const batch = preprocess([source(expected)], { resize, crop });
    expect(Buffer.from(batch.data.subarray(0, 96)).toString('base64')).toBe(expected.head);
    expect(sha256(batch.data)).toBe(expected.sha256);
    expect(batch).toMatchObject({ images: 1, size: crop });
  });

  test('alpha over white, every grey with every alpha', () => {
    const rgba = Uint8Array.from({ length: 256 * 256 * 4 }, (_, index) =>
      index % 4 === 3 ? (index >> 2) & 255 : index >> 10,
    );
    const { data } = overWhite(rgba, 256, 256);
    expect(sha256(data.filter((_, index) => index % 3 === 0))).toBe(golden.overWhiteSha256);
  });
});

describe('preprocess', () => {
  test('puts a batch one image after the other', () => {
    const sizes = { resize: 16, crop: 12 };
    const images = [image(20, 30), image(50, 17), image(1, 1)];
    const batch = preprocess(images, sizes);
    expect(batch.images).toBe(3);
    expect(batch.data).toHaveLength(3 * 12 * 12 * 3);
    images.forEach((one, index) => {
      const alone = preprocess([one], sizes).data;
      expect(batch.data.subarray(index * alone.length, (index + 1) * alone.length)).toEqual(alone);
    });
  });

  test('does not pay for what the crop removes: 1×20000 would be 3.9 GB resized', () => {
    expect(preprocess([image(1, 20_000)], { resize: 256, crop: 224 }).data).toHaveLength(224 * 224 * 3);
    expect(preprocess([image(20_000, 1)], { resize: 256, crop: 224 }).data).toHaveLength(224 * 224 * 3);
  });

  test.each([
    [
      { width: 640, height: 480 },
      { width: 341, height: 256 },
      { left: 58, top: 16 },
    ],
    [
      { width: 480, height: 640 },
      { width: 256, height: 341 },
      { left: 16, top: 58 },
    ],
    [
      { width: 257, height: 256 },
      { width: 257, height: 256 },
      { left: 16, top: 16 },
    ],
    [
      { width: 259, height: 256 },
      { width: 259, height: 256 },
      { left: 18, top: 16 },
    ],
  ])('truncates the long side and rounds margins half to even: %o', (size, resized, margin) => {
    const result = geometry(size, { resize: 256, crop: 224 });
    expect(result).toEqual({ ...resized, region: { ...margin, width: 224, height: 224 } });
  });

  test.each([
    [{ resize: 0, crop: 1 }, 'Expected a whole number of pixels ≥ 1 for resize but found 0.'],
    [{ resize: 8, crop: 2.5 }, 'Expected a whole number of pixels ≥ 1 for crop but found 2.5.'],
    [{ resize: 8, crop: 9 }, 'Expected at most the resized short side, 8 pixels, for crop but found 9.'],
  ])('refuses sizes %o', (sizes, message) => {
    expect(() => preprocess([image(4, 4)], sizes)).toThrow(message);
  });

  test.each([
    { width: 2, height: 2, data: new Uint8Array(16) },
    { width: 0, height: 2, data: new Uint8Array(0) },
    { width: 0.5, height: 2, data: new Uint8Array(3) },
  ])('refuses an image whose data does not have its size: $width×$height', (broken) => {
    expect(() => preprocess([broken], { resize: 8, crop: 8 })).toThrow(/Expected height × width × 3 bytes/);
  });
});
