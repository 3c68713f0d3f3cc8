// A photograph on the page, and the crop of it that the network sees.

import { toHex } from '../core/encodings.ts';
import { randomDigits } from './bytes.ts';

export interface Photo {
  /** `sample:cat.jpg`, or `mine:` and a hash of the file. */
  readonly id: string;
  readonly name: string;
  readonly file: Blob;
  /** The network's crop as a picture, for `img`. */
  readonly thumbnail: string;
  /** What is on it, where somebody has said so. */
  readonly what?: string | undefined;
  /** Author and terms. */
  readonly credit?: string | undefined;
  /** Added while the model ran in this browser: it is never sent anywhere of the page's own accord. */
  readonly isPrivate?: boolean;
}

/** The crop of 224 out of a short side resized to 256. */
const CROP = 224 / 256;
const THUMBNAIL_SIDE = 224;

/** Throws an Error with a message for the reader where the browser cannot show the file. */
export async function createPhoto(id: string, name: string, file: Blob): Promise<Photo> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${name} is not a picture that can be shown: choose a JPEG, PNG or WebP file.`);
  });
  const canvas = document.createElement('canvas');
  canvas.width = THUMBNAIL_SIDE;
  canvas.height = THUMBNAIL_SIDE;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser gives no canvas to draw on.');
  const side = Math.min(bitmap.width, bitmap.height) * CROP;
  const left = (bitmap.width - side) / 2;
  const top = (bitmap.height - side) / 2;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, THUMBNAIL_SIDE, THUMBNAIL_SIDE);
  context.drawImage(bitmap, left, top, side, side, 0, 0, THUMBNAIL_SIDE, THUMBNAIL_SIDE);
  bitmap.close();
  return { id, name, file, thumbnail: canvas.toDataURL('image/jpeg', 0.85) };
}

export const isSample = ({ id }: Pick<Photo, 'id'>): boolean => id.startsWith('sample:');

/**
 * The id of a file of the reader's: the same file is the same photograph. Pages that come neither over https
 * nor from this machine have no hashes: there it is another photograph each time.
 */
export async function idOf(file: Blob): Promise<string> {
  const hash = await globalThis.crypto.subtle?.digest('SHA-256', await file.arrayBuffer());
  return `mine:${hash === undefined ? randomDigits(24) : toHex(new Uint8Array(hash)).slice(0, 24)}`;
}
