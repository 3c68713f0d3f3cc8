// Small images of one colour, and broken ones.

import sharp from 'sharp';

export type Colour = readonly [red: number, green: number, blue: number];

export const RED: Colour = [255, 0, 0];
export const BLUE: Colour = [0, 0, 255];

type Format = 'png' | 'jpeg' | 'webp';

export async function imageOf(
  [r, g, b]: Colour,
  format: Format = 'png',
  width = 8,
  height = 8,
): Promise<Uint8Array> {
  const image = sharp({ create: { width, height, channels: 3, background: { r, g, b } } });
  return new Uint8Array(await image.toFormat(format).toBuffer());
}

/** Left half of one colour, right half of another. */
export async function halves(left: Colour, right: Colour, width = 16, height = 8): Promise<Uint8Array> {
  const data = Buffer.alloc(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    data.set(pixel % width < width / 2 ? left : right, pixel * 3);
  }
  return new Uint8Array(
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer(),
  );
}

export const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
