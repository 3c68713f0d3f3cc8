// Pictures of 12 megapixels and the largest that the edge lets through, as cameras and editors write them: what
// bench/isolate.bench.ts sends.

import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';

export interface Picture {
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const PHOTO = join(import.meta.dirname, '../samples/astronaut.jpg');

/** A photograph enlarged, with the noise of a sensor: as many bytes per pixel as a camera's. */
async function photograph(width: number, height: number, noise: number): Promise<Sharp> {
  const channels = 3;
  const grain = await sharp({
    create: {
      width,
      height,
      channels,
      background: 'grey',
      noise: { type: 'gaussian', mean: 128, sigma: noise },
    },
  })
    .png({ compressionLevel: 0 })
    .toBuffer();
  const enlarged = sharp(PHOTO).resize(width, height, { fit: 'cover' }).removeAlpha();
  // Without grain, and soft, a lossless file stays within the 10 MiB that a request may have.
  const finished =
    noise === 0 ? enlarged.blur(30) : enlarged.composite([{ input: grain, blend: 'soft-light' }]);
  const data = await finished.raw().toBuffer();
  return sharp(data, { raw: { width, height, channels } });
}

type Encode = (photo: Sharp) => Sharp;

const baseline: Encode = (photo) => photo.jpeg({ quality: 88 });
const progressive: Encode = (photo) => photo.jpeg({ quality: 88, progressive: true });
const png: Encode = (photo) => photo.png({ compressionLevel: 6 });
const webp: Encode = (photo) => photo.webp({ quality: 80, effort: 2 });
const lossless: Encode = (photo) => photo.webp({ lossless: true, effort: 0 });

/** Name, media type, width, height, the noise's deviation, encoder. The last ones stand just within the limits. */
const PICTURES: readonly (readonly [string, string, number, number, number, Encode])[] = [
  ['JPEG, baseline, 12 MP', 'image/jpeg', 4032, 3024, 12, baseline],
  ['JPEG, progressive, 12 MP', 'image/jpeg', 4032, 3024, 12, progressive],
  ['PNG, 12 MP', 'image/png', 4032, 3024, 0, png],
  ['WebP, lossy, 12 MP', 'image/webp', 4032, 3024, 12, webp],
  ['JPEG, baseline, 50 MP', 'image/jpeg', 8160, 6120, 8, baseline],
  ['JPEG, progressive, 14 MP', 'image/jpeg', 4400, 3200, 12, progressive],
  ['PNG, 17.9 MP', 'image/png', 4890, 3664, 0, png],
  ['WebP, lossless, 5 MP', 'image/webp', 2580, 1930, 0, lossless],
];

export async function* pictures(): AsyncGenerator<Picture> {
  for (const [name, type, width, height, noise, encode] of PICTURES) {
    const bytes = await encode(await photograph(width, height, noise)).toBuffer();
    yield { name, type, bytes: new Uint8Array(bytes) };
  }
}
