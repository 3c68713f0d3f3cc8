// The ImageDecoder that every runtime can run: checks, then the format's decoder, then upright.

import type { RgbImage } from '../../core/image.ts';
import { checkImage, type ImageHeader } from '../../core/image-header.ts';
import { type JpegScale, jpegScale } from '../../core/jpeg-scale.ts';
import { upright } from '../../core/orientation.ts';
import type { ImageDecoder } from '../../core/ports.ts';
import { createJpegDecoder } from './jpeg.ts';
import { checkDecodeBytes } from './memory.ts';
import { decodePng } from './png.ts';
import { decodeWebp } from './webp.ts';

/** The compiled libraries, as the runtime loads them. PNG needs none. */
export interface DecoderModules {
  /** @cwasm/jpeg-turbo/jpeg-turbo.wasm */
  readonly jpeg: WebAssembly.Module;
  /** @cwasm/webp/webp.wasm */
  readonly webp: WebAssembly.Module;
}

/** Decodes an image that has passed the checks, in its stored orientation. */
export type DecodeStored = (bytes: Uint8Array, header: ImageHeader, scale: JpegScale) => Promise<RgbImage>;

/** The decoders by WASM and the platform, without checks. */
export function createStoredDecoder(modules: DecoderModules): {
  readonly decodeStored: DecodeStored;
  heapBytes(): number;
} {
  const jpeg = createJpegDecoder(modules.jpeg);
  return {
    heapBytes: jpeg.heapBytes,
    async decodeStored(bytes, header, scale) {
      switch (header.format) {
        case 'jpeg':
          return jpeg.decode(bytes, header, scale);
        case 'png':
          return await decodePng(bytes, header);
        case 'webp':
          return decodeWebp(modules.webp, bytes, header);
      }
    },
  };
}

/**
 * Puts the checks before `decodeStored` and the orientation after it: the same in every runtime.
 * `maxDecodeBytes` is what decoding one image may hold besides its encoded bytes; an image that needs more
 * is refused from its header.
 */
export function checkedDecoder(decodeStored: DecodeStored, maxDecodeBytes: number): ImageDecoder {
  return {
    async decode(bytes, limits, shortSide) {
      const header = checkImage(bytes, limits);
      const scale =
        header.format === 'jpeg' && shortSide !== undefined
          ? jpegScale(header.width, header.height, shortSide)
          : 1;
      checkDecodeBytes(header, bytes.length, scale, maxDecodeBytes);
      return upright(await decodeStored(bytes, header, scale), header.orientation);
    },
  };
}
