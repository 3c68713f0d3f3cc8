// What an isolate of the edge holds besides the model: the part of `build --memory` that the model may not take.

import type { JpegHeader } from '../core/jpeg-header.ts';
import { jpegScale } from '../core/jpeg-scale.ts';
import { decodeBytes } from '../engine/decode/memory.ts';
import { SCRIPT_BYTES } from '../engine/edge/decode.ts';

const MB = 1e6;

/** The photograph that must be decoded beside the model: 12 megapixels from a camera, 4:2:0. */
const PHOTO: JpegHeader & { readonly format: 'jpeg' } = {
  format: 'jpeg',
  width: 4032,
  height: 3024,
  orientation: 1,
  components: [2, 1, 1].map((factor) => ({ horizontal: factor, vertical: factor })),
  buffered: false,
};
const PHOTO_BYTES = 3 * MB;

export interface Reserved {
  /** The body of a request with a photograph, and what decoding it takes. */
  readonly decoderBytes: number;
  /** The Worker's script, its heap and compiled code. */
  readonly scriptBytes: number;
}

/** For photographs resized to a short side of `resize` pixels. */
export function reservedBytes(resize: number): Reserved {
  const scale = jpegScale(PHOTO.width, PHOTO.height, resize);
  return {
    decoderBytes: Math.ceil(PHOTO_BYTES + decodeBytes(PHOTO, PHOTO_BYTES, scale)),
    scriptBytes: SCRIPT_BYTES,
  };
}
