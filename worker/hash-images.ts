// The images of a request → their hashes, which name the answer. Each image is read once: what is hashed is
// what is decoded.

import type { ImageSource } from '../core/embedder.ts';
import { releaseBytes } from '../core/release-bytes.ts';
import { sha256Hex } from './answer-cache.ts';

export interface HashedImages {
  /** The same images; reading them again costs nothing and fails as it did. */
  readonly images: readonly ImageSource[];
  /** Of each image that could be read: SHA-256 of its bytes, and its crop box. */
  readonly hashes: readonly string[];
  /** Of all encoded images together. */
  readonly bytes: number;
  /** Gives the images' memory back; they cannot be read any more. */
  release(): void;
}

export async function hashImages(sources: readonly ImageSource[]): Promise<HashedImages> {
  const images: ImageSource[] = [];
  const hashes: string[] = [];
  const contents: Uint8Array[] = [];
  // One after the other: images behind URLs share one clock and one byte budget.
  for (const { read, crop } of sources) {
    const reading = Promise.resolve().then(read);
    images.push({ read: () => reading, crop });
    try {
      const content = await reading;
      contents.push(content);
      hashes.push(`${await sha256Hex(content)} ${JSON.stringify(crop ?? null)}`);
    } catch {
      // The embedder meets the same error and reports it with the image's place.
    }
  }
  return {
    images,
    hashes,
    bytes: contents.reduce((sum, { length }) => sum + length, 0),
    release: () => contents.forEach(releaseBytes),
  };
}
