// What the decoder of one format gives to the decoder of all.

import type { RgbImage } from '../../core/image.ts';
import type { JpegScale } from '../../core/jpeg-scale.ts';

/**
 * Keeps its memory for the next image: in workerd the memory of a dropped WASM instance or large array
 * stays for dozens of requests (700 MB were measured after 30 images of 42 MB), so reuse, not collection,
 * is what bounds an isolate.
 */
export interface FormatDecoder<Header> {
  /** Stored orientation. Throws InputError `invalid_image`. */
  decode(bytes: Uint8Array, header: Header, scale: JpegScale): RgbImage | Promise<RgbImage>;
  /** Bytes kept between images, not counting images that are not released. */
  heldBytes(): number;
  /** Gives up what is kept. */
  drop(): void;
}
