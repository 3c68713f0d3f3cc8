import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { ImageHeader } from '../../core/image-header.ts';
import { readJpegHeader } from '../../core/jpeg-header.ts';
import { createJpegDecoder } from '../../engine/decode/jpeg.ts';
import { decodeBytes } from '../../engine/decode/memory.ts';
import { createEdgeDecoder, EDGE_DECODE_BYTES } from '../../engine/edge/decode.ts';
import { noise } from '../core/noise.ts';
import { failure, readGolden } from './decode-contract.ts';
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
    ['PNG', { ...size, ...png }, 38, true],
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
    const image = decoder.decode(bytes, header, scale);
    const held = decoder.heapBytes() + image.data.length;
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThanOrEqual(decodeBytes(header, bytes.length, scale));
  });
});

describe('the heap between images', () => {
  test('is reused while it is small', () => {
    const decoder = createJpegDecoder(decoderModules().jpeg);
    const bytes = readGolden('progressive.jpg');
    const header = readJpegHeader(bytes);
    decoder.decode(bytes, header, 1);
    const heap = decoder.heapBytes();
    for (let round = 0; round < 200; round += 1) decoder.decode(bytes, header, 1);
    expect(decoder.heapBytes()).toBe(heap);
  });

  test('is given back after a large image and after a broken one', async () => {
    const decoder = createJpegDecoder(decoderModules().jpeg);
    const bytes = await sharp({ create: { width: 3000, height: 3000, channels: 3, background: 'teal' } })
      .jpeg({ progressive: true, chromaSubsampling: '4:4:4' })
      .toBuffer();
    decoder.decode(bytes, readJpegHeader(bytes), 8);
    expect(decoder.heapBytes()).toBe(0);
    const small = readGolden('420.jpg');
    decoder.decode(small, readJpegHeader(small), 1);
    expect(decoder.heapBytes()).toBeGreaterThan(0);
    const broken = readGolden('damaged.jpg');
    expect(() => decoder.decode(broken, readJpegHeader(broken), 1)).toThrow('bad Huffman code');
    expect(decoder.heapBytes()).toBe(0);
  });
});

test('what does not fit is refused with the limit and the remedy', async () => {
  const decoder = createEdgeDecoder(decoderModules(), 1024 * 1024);
  const limits = { maxBytes: 1e6, maxPixels: 1e8 };
  const bytes = await sharp({ create: { width: 1200, height: 900, channels: 3, background: 'teal' } })
    .jpeg({ progressive: true })
    .toBuffer();
  expect(await failure(decoder.decode(bytes, limits, 256))).toMatchObject({
    code: 'image_too_large',
    message:
      'Expected an image that decodes within 1 MiB but found a JPEG of 1200×900 pixels that takes 10; scale it down, or save it as a baseline (not progressive) JPEG.',
  });
});
