// Copies of a photo by sharp: thumbnails for reports, and what happens to photos on their way through the
// world, for measuring how well copies are told from other photos.

import sharp, { type Sharp } from 'sharp';

/** A JPEG of at most `side` × `side` pixels, upright. Throws sharp's errors. */
export async function thumbnail(bytes: Uint8Array, side: number): Promise<Uint8Array> {
  return sharp(bytes)
    .rotate()
    .resize(side, side, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: 'white' })
    .jpeg({ quality: 75 })
    .toBuffer();
}

/** Kind → the copy as JPEG (quality 90 unless it is the quality that changes). */
export const COPIES: Readonly<Record<string, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
  're-encoded': (bytes) => upright(bytes).jpeg({ quality: 40 }).toBuffer(),
  async resized(bytes) {
    const { width } = await size(bytes);
    return upright(bytes)
      .resize(Math.max(1, Math.round(width / 2)))
      .jpeg({ quality: 90 })
      .toBuffer();
  },
  /** A tenth of each side is gone, more at the top left. */
  async cropped(bytes) {
    const { width, height } = await size(bytes);
    return upright(bytes)
      .extract({
        left: Math.floor(width * 0.08),
        top: Math.floor(height * 0.08),
        width: Math.max(1, Math.floor(width * 0.9)),
        height: Math.max(1, Math.floor(height * 0.9)),
      })
      .jpeg({ quality: 90 })
      .toBuffer();
  },
  flipped: (bytes) => upright(bytes).flop().jpeg({ quality: 90 }).toBuffer(),
  /** A white band across the middle third, half transparent, with letters on it. */
  async watermarked(bytes) {
    const { width, height } = await size(bytes);
    const band = Math.max(1, Math.round(height / 6));
    const letters = Array.from({ length: 9 }, (_, index) => {
      const left = Math.round((width * (index + 0.5)) / 9);
      return `<rect x="${left - band / 8}" y="${height / 2 - band / 3}" width="${band / 4}" height="${(band * 2) / 3}" fill="#000" opacity="0.6"/>`;
    });
    const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
      <rect x="0" y="${height / 2 - band / 2}" width="${width}" height="${band}" fill="#fff" opacity="0.5"/>${letters.join('')}</svg>`;
    return upright(bytes)
      .composite([{ input: Buffer.from(overlay) }])
      .jpeg({ quality: 90 })
      .toBuffer();
  },
};

function upright(bytes: Uint8Array): Sharp {
  return sharp(bytes).rotate().flatten({ background: 'white' });
}

/** Pixels, after EXIF orientation. */
async function size(bytes: Uint8Array): Promise<{ width: number; height: number }> {
  const { width, height, autoOrient } = await sharp(bytes).metadata();
  return autoOrient ?? { width, height };
}
