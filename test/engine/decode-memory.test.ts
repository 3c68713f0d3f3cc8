import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import type { ImageHeader } from '../../core/image-header.ts';
import { readJpegHeader } from '../../core/jpeg-header.ts';
import { prepareImage } from '../../core/prepare-image.ts';
import { createJpegDecoder } from '../../engine/decode/jpeg.ts';
import { decodeBytes } from '../../engine/decode/memory.ts';
import { createEdgeDecoder, EDGE_DECODE_BYTES, edgeDecodeBytes } from '../../engine/edge/decode.ts';
import { noise } from '../core/noise.ts';
import { failure, sha256 } from './decode-contract.ts';
import { readGolden } from './golden-images.ts';
import { decoderModules } from './modules.ts';

const MB = 1e6;
const halved = [2, 1, 1].map((factor) => ({ horizontal: factor, vertical: factor }));
const full = [1, 1, 1].map((factor) => ({ horizontal: factor, vertical: factor }));
const size = { width: 4032, height: 3024, orientation: 1 } as const;
const png = { format: 'png', bitDepth: 8, colorType: 2, samples: 3, interlaced: false } as const;

describe('what 12 megapixels take on the edge', () => {
  test.each<[string, ImageHeader, number, boolean]>([
    ['baseline JPEG', { ...size, format: 'jpeg', components: halved, buffered: false }, 9, true],
    ['progressive JPEG', { ...size, format: 'jpeg', components: halved, buffered: true }, 46, true],
    ['progressive 4:4:4', { ...size, format: 'jpeg', components: full, buffered: true }, 83, false],
    ['PNG', { ...size, ...png }, 42, true],
    ['lossy WebP', { ...size, format: 'webp', lossless: false }, 56, true],
    ['lossless WebP', { ...size, format: 'webp', lossless: true }, 126, false],
  ])('%s', (_, header, megabytes, fits) => {
    const bytes = decodeBytes(header, 3 * MB, 4);
    expect(bytes).toBeLessThan(megabytes * MB);
    expect(bytes).toBeGreaterThan((megabytes - 3) * MB);
    expect(bytes <= EDGE_DECODE_BYTES).toBe(fits);
  });
});

describe('the estimate is an upper bound of the heap', () => {
  test.each([
    { width: 1000, height: 750, progressive: true, chromaSubsampling: '4:2:0', scale: 2 },
    { width: 1000, height: 750, progressive: true, chromaSubsampling: '4:4:4', scale: 1 },
    { width: 750, height: 1000, progressive: false, chromaSubsampling: '4:2:0', scale: 1 },
    { width: 750, height: 1000, progressive: false, chromaSubsampling: '4:2:0', scale: 8 },
  ] as const)('$width×$height progressive $progressive $chromaSubsampling at 1/$scale', async (options) => {
    const { width, height, progressive, chromaSubsampling, scale } = options;
    const noisy = { data: noise(width * height * 3, 1), raw: { width, height, channels: 3 } as const };
    const bytes = await sharp(noisy.data, { raw: noisy.raw })
      .jpeg({ progressive, chromaSubsampling, quality: 50 })
      .toBuffer();
    const header = readJpegHeader(bytes);
    const decoder = createJpegDecoder(decoderModules().jpeg);
    const image = await decoder.decode(bytes, header, scale);
    const held = decoder.heldBytes() + image.data.length;
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThanOrEqual(decodeBytes(header, bytes.length, scale));
  });
});

describe('memory between images', () => {
  const limits = { maxBytes: 1e6, maxPixels: 1e8 };
  const createDecoder = (maxDecodeBytes = EDGE_DECODE_BYTES) =>
    createEdgeDecoder(decoderModules(), () => maxDecodeBytes);
  const teal = (side: number) =>
    sharp({ create: { width: side, height: side, channels: 3, background: 'teal' } });

  test.each(['progressive.jpg', 'cmyk.jpg', 'rgba-8.png', 'alpha-lossless.webp', 'exif-6.webp'])(
    'is reused: %s',
    async (file) => {
      const decoder = createDecoder();
      const decode = async () => (await decoder.decode(readGolden(file), limits)).release?.();
      await decode();
      const held = decoder.heldBytes();
      expect(held).toBeGreaterThan(0);
      for (let round = 0; round < 100; round += 1) await decode();
      expect(decoder.heldBytes()).toBe(held);
    },
  );

  test.each(['damaged.jpg', 'truncated-with-end.jpg', 'too-few-rows.png', 'truncated-consistent.webp'])(
    'is reused after a broken image: %s',
    async (file) => {
      const decoder = createDecoder();
      await failure(decoder.decode(readGolden(file), limits));
      const held = decoder.heldBytes();
      expect(held).toBeGreaterThan(0);
      for (let round = 0; round < 100; round += 1) await failure(decoder.decode(readGolden(file), limits));
      expect(decoder.heldBytes()).toBe(held);
    },
  );

  test.each([
    ['420.jpg', 1],
    ['rgb-8.png', 1],
    ['alpha-lossless.webp', 1],
    ['truncated-consistent.webp', 0],
  ])('its peak is told, the picture of %s with it, and stays', async (file, pictures) => {
    const decoder = createDecoder();
    expect(decoder.peakBytes()).toBe(0);
    const decoding = decoder.decode(readGolden(file), limits);
    const image = pictures === 0 ? await failure(decoding) : await decoding;
    const peak = decoder.peakBytes();
    const picture = 'data' in image ? image.width * image.height * 3 : 0;
    expect(peak).toBeGreaterThanOrEqual(decoder.heldBytes() + picture);
    if ('data' in image) image.release?.();
    expect(decoder.heldBytes()).toBeLessThanOrEqual(peak);
    await decoder.decode(readGolden('1x1.png'), limits);
    expect(decoder.peakBytes()).toBeGreaterThanOrEqual(peak);
  });

  test("is given up after libjpeg's 16th fatal error, each of which leaks stack", async () => {
    const decoder = createDecoder();
    const good = readGolden('420.jpg');
    const expected = await sha256((await decoder.decode(good, limits)).data);
    // A quantisation table of one byte.
    const table = good.findIndex((byte, index) => byte === 0xff && good[index + 1] === 0xdb);
    const fatal = Uint8Array.from([...good.subarray(0, table), 0xff, 0xdb, 0, 3, 0, ...good.subarray(table)]);
    const held = [];
    for (let round = 0; round < 40; round += 1) {
      expect((await failure(decoder.decode(fatal, limits))).message).toContain('Bogus');
      held.push(decoder.heldBytes() > 0);
    }
    expect(held.flatMap((kept, index) => (kept ? [] : [index + 1]))).toEqual([16, 32]);
    expect(await sha256((await decoder.decode(good, limits)).data)).toBe(expected);
  });

  test('a picture stays whole while others are decoded, until it is released', async () => {
    const decoder = createDecoder();
    for (const file of ['alpha.webp', 'rgb-8.png']) {
      const first = await decoder.decode(readGolden(file), limits);
      const expected = await sha256(first.data);
      for (const other of ['lossy.webp', 'rgba-16.png', 'exif-6.webp', 'exif-6.png']) {
        await decoder.decode(readGolden(other), limits);
      }
      expect(await sha256(first.data)).toBe(expected);
      first.release?.();
      first.release?.();
      expect(await sha256((await decoder.decode(readGolden(file), limits)).data)).toBe(expected);
    }
  });

  test.each(['rgb-8.png', 'alpha.webp', 'exif-6.webp'])(
    'is that of one picture, however many come at once: %s',
    async (file) => {
      const decoder = createDecoder();
      const lent: object[] = [];
      let most = 0;
      const counting = {
        ...decoder,
        async decode(...image: Parameters<typeof decoder.decode>) {
          const decoded = await decoder.decode(...image);
          most = Math.max(most, lent.push(decoded));
          const release = () => {
            lent.splice(lent.indexOf(decoded), 1);
            decoded.release?.();
          };
          return { ...decoded, release };
        },
      };
      const parts = { decoder: counting, sizes: { resize: 256, crop: 224 }, limits };
      await Promise.all(Array.from({ length: 5 }, () => prepareImage(readGolden(file), undefined, parts)));
      expect(most).toBe(1);
      expect(lent).toHaveLength(0);
    },
  );

  test('one format gives way to another when both would not fit', async () => {
    const decoder = createDecoder(20 * 1024 * 1024);
    const jpeg = await teal(1500).jpeg({ progressive: true }).toBuffer();
    const png = await teal(1500).png().toBuffer();
    await decoder.decode(jpeg, limits, 128);
    expect(decoder.heldBytes()).toBeGreaterThan(6e6);
    (await decoder.decode(png, limits)).release?.();
    expect(decoder.heldBytes()).toBeGreaterThan(13e6);
    const larger = await teal(2000).png().toBuffer();
    (await decoder.decode(larger, limits)).release?.();
    expect(decoder.heldBytes()).toBe(2000 * 2000 * 3);
  });
});

describe('what decoding may take beside a model of', () => {
  test.each([
    [0, 58.7],
    [32.1, 58.7],
    [60.9, 47.1],
    [88.4, 19.6],
    [96.1, 11.9],
    [142.1, 10.5],
  ])('%d MB: %d MB', (model, megabytes) => {
    expect(edgeDecodeBytes(model * MB) / MB).toBeCloseTo(megabytes, 1);
  });

  test('any model that fits an isolate: a baseline JPEG of 12 megapixels', () => {
    const header = { ...size, format: 'jpeg', components: halved, buffered: false } as const;
    expect(decodeBytes(header, 3 * MB, 4)).toBeLessThan(edgeDecodeBytes(128 * MB));
  });
});

describe('what does not fit is refused from its header with the limit and the remedy', () => {
  const limits = { maxBytes: 1e6, maxPixels: 1e8 };
  const flat = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: 'teal' } });
  const smaller = 'scale it down, for example to a short side of 512 pixels';
  const whole = { progressive: true, chromaSubsampling: '4:4:4' } as const;

  test.each<[string, Sharp, number | undefined, string]>([
    [
      'progressive JPEG',
      flat(4032, 3024).jpeg(whole),
      256,
      'a JPEG of 4032×3024 pixels that takes 76; scale it down, or save it as a baseline (not progressive) JPEG',
    ],
    [
      'baseline JPEG at full size, as a crop box needs it',
      flat(4032, 3024).jpeg(),
      undefined,
      `a JPEG of 4032×3024 pixels that takes 71; ${smaller}`,
    ],
    ['PNG', flat(5000, 4000).png(), 256, `a PNG of 5000×4000 pixels that takes 62; ${smaller}`],
    ['lossy WebP', flat(3800, 3700).webp(), 256, `a WEBP of 3800×3700 pixels that takes 58; ${smaller}`],
    [
      'lossless WebP',
      flat(2500, 2400).webp({ lossless: true }),
      256,
      `a WEBP of 2500×2400 pixels that takes 58; ${smaller}`,
    ],
  ])('%s', async (_, image, shortSide, found) => {
    const decoder = createEdgeDecoder(decoderModules());
    const error = await failure(decoder.decode(await image.toBuffer(), limits, shortSide));
    expect(error).toMatchObject({
      code: 'image_too_large',
      message: `Expected an image that decodes within 56 MiB but found ${found}.`,
    });
    expect(decoder.heldBytes()).toBe(0);
  });
});
