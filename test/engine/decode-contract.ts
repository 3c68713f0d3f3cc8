// What every ImageDecoder does, on one small image of each kind (scripts/goldens/images.py). Run on the
// edge's decoders in Node and in workerd, and on Node's.

import { describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import type { ImageLimits, RgbImage } from '../../core/image.ts';
import type { ImageDecoder } from '../../core/ports.ts';
import golden from '../golden/images/images.json' with { type: 'json' };

export const LIMITS: ImageLimits = { maxBytes: 100_000, maxPixels: 1_000_000 };

/** Lower-case hex. */
export async function sha256(bytes: Uint8Array | Uint8ClampedArray): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function failure(decoding: Promise<RgbImage>): Promise<InputError> {
  const error: unknown = await decoding.then(
    ({ width, height }) => `an image of ${width}×${height}`,
    (reason: unknown) => reason,
  );
  if (error instanceof InputError) return error;
  throw new Error('Expected an InputError', { cause: error });
}

/** `readGolden` gives the bytes of a file of test/golden/images. */
export function testDecoder(
  name: string,
  create: () => ImageDecoder | Promise<ImageDecoder>,
  readGolden: (file: string) => Uint8Array,
): void {
  describe(`${name}: the pixels are Pillow's, bit for bit`, async () => {
    const decoder = await create();
    test.each(golden.cases.filter(({ sha256 }) => sha256 !== undefined))('$name', async (expected) => {
      const image = await decoder.decode(readGolden(expected.file), LIMITS, expected.shortSide ?? undefined);
      expect({ width: image.width, height: image.height }).toEqual({
        width: expected.width,
        height: expected.height,
      });
      expect(image.data).toHaveLength(image.width * image.height * 3);
      expect(await sha256(image.data)).toBe(expected.sha256);
      image.release?.();
    });
  });

  describe(`${name}: what is no image, or a broken one, is refused`, async () => {
    const decoder = await create();
    test.each(golden.cases.filter(({ error }) => error !== undefined))('$name: $error', async (expected) => {
      const error = await failure(decoder.decode(readGolden(expected.file), LIMITS));
      expect(error.code).toBe(expected.error);
      expect(error.message).toMatch(/^Expected .+ but (the decoder )?found/);
    });
  });

  describe(`${name}: a harmless warning hides no damage`, async () => {
    const decoder = await create();
    const strays = [1, 2, 3];
    test.each([
      ['strays alone are let pass', 1, 'an image'],
      ['strays and half a picture', 0.5, 'invalid_image'],
      ['strays and a tenth of a picture', 0.1, 'invalid_image'],
    ])('%s', async (_, kept, expected) => {
      const good = readGolden('420.jpg');
      const scan = good.findIndex((byte, index) => byte === 0xff && good[index + 1] === 0xda);
      const end = scan + Math.round((good.length - 2 - scan) * kept);
      const bytes = Uint8Array.from([
        ...good.subarray(0, scan),
        ...strays,
        ...good.subarray(scan, end),
        ...good.subarray(-2),
      ]);
      for (const shortSide of [undefined, 37]) {
        const found = await decoder.decode(bytes, LIMITS, shortSide).then(
          () => 'an image',
          (error: unknown) => (error instanceof InputError ? error.code : error),
        );
        expect(found).toBe(expected);
      }
    });
  });

  describe(`${name}: limits`, async () => {
    const decoder = await create();
    test('the bytes are counted first', async () => {
      const error = await failure(decoder.decode(new Uint8Array(11), { ...LIMITS, maxBytes: 10 }));
      expect(error).toMatchObject({
        code: 'image_too_large',
        message: 'Expected at most 10 bytes for an image but found 11; send a smaller file.',
      });
    });

    test('the pixels are read from the header', async () => {
      const error = await failure(decoder.decode(readGolden('420.jpg'), { ...LIMITS, maxPixels: 30_199 }));
      expect(error.code).toBe('image_too_large');
      expect(error.message).toContain('at most 30199 pixels for an image but found 200×151 = 30200; scale');
      await expect(
        decoder.decode(readGolden('420.jpg'), { ...LIMITS, maxPixels: 30_200 }),
      ).resolves.toMatchObject({ width: 200 });
    });
  });

  test(`${name}: bad images between good ones do not change them`, async () => {
    const decoder = await create();
    const good = ['420.jpg', 'progressive.jpg', 'rgba-8.png', 'alpha.webp'].map(readGolden);
    const bad = ['truncated.jpg', 'damaged.jpg', 'truncated.png', 'truncated-consistent.webp'].map(
      readGolden,
    );
    const alone = await Promise.all(
      good.map(async (bytes) => await sha256((await decoder.decode(bytes, LIMITS)).data)),
    );
    for (let round = 0; round < 3; round += 1) {
      const mixed = good.flatMap((bytes, index) => [
        decoder.decode(bad[(index + round) % bad.length] ?? bytes, LIMITS).catch(() => undefined),
        decoder.decode(bytes, LIMITS),
      ]);
      const images = (await Promise.all(mixed)).filter((_, index) => index % 2 === 1);
      const digests = await Promise.all(images.map((image) => sha256(image?.data ?? new Uint8Array())));
      expect(digests).toEqual(alone);
    }
  });
}
