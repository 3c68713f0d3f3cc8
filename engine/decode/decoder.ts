// The ImageDecoder that every runtime can run: checks, then the format's decoder, then upright.

import type { RgbImage } from '../../core/image.ts';
import { checkImage, type ImageHeader } from '../../core/image-header.ts';
import { type JpegScale, jpegScale } from '../../core/jpeg-scale.ts';
import { upright } from '../../core/orientation.ts';
import type { ImageDecoder } from '../../core/ports.ts';
import type { EnterRoom } from './decode-room.ts';
import { createJpegDecoder } from './jpeg.ts';
import { checkDecodeBytes, decodeBytes } from './memory.ts';
import { createPngDecoder } from './png.ts';
import { createWebpDecoder } from './webp.ts';

/** The compiled libraries, as the runtime loads them. PNG needs none. */
export interface DecoderModules {
  /** @cwasm/jpeg-turbo/jpeg-turbo.wasm */
  readonly jpeg: WebAssembly.Module;
  /** @cwasm/webp/webp.wasm */
  readonly webp: WebAssembly.Module;
}

/** Decodes an image that has passed the checks, in its stored orientation. */
export type DecodeStored = (bytes: Uint8Array, header: ImageHeader, scale: JpegScale) => Promise<RgbImage>;

export interface DecodeMemory {
  /** Bytes that decoding one image may take besides the encoded ones; what needs more is refused. */
  readonly maxDecodeBytes: () => number;
  /** Bytes that may stay allocated between images. */
  readonly maxHeldBytes: () => number;
}

/** The decoders by WASM and the platform, without checks. */
export interface StoredDecoder {
  readonly decodeStored: DecodeStored;
  /** Bytes held between images. */
  heldBytes(): number;
  /** The most that the decoders and the picture that came out of them have held together. */
  peakBytes(): number;
}

export function createStoredDecoder(modules: DecoderModules, memory: DecodeMemory): StoredDecoder {
  const jpeg = createJpegDecoder(modules.jpeg);
  const png = createPngDecoder();
  const webp = createWebpDecoder(modules.webp);
  const decoders = { jpeg, png, webp };
  const heldBytes = () => jpeg.heldBytes() + png.heldBytes() + webp.heldBytes();

  let peak = 0;
  const decode: DecodeStored = async (bytes, header, scale) => {
    switch (header.format) {
      case 'jpeg':
        return await jpeg.decode(bytes, header, scale);
      case 'png':
        return await png.decode(bytes, header, scale);
      case 'webp':
        return await webp.decode(bytes, header, scale);
    }
  };

  /** What the other formats keep must not stand in the way of this image. */
  const makeRoom = (format: ImageHeader['format'], needed: number): void => {
    const heldByOthers = heldBytes() - decoders[format].heldBytes();
    if (heldByOthers + needed <= memory.maxDecodeBytes()) return;
    for (const [name, decoder] of Object.entries(decoders)) if (name !== format) decoder.drop();
  };

  return {
    heldBytes,
    peakBytes: () => peak,
    async decodeStored(bytes, header, scale) {
      makeRoom(header.format, decodeBytes(header, bytes.length, scale));
      let picture = 0;
      try {
        const image = await decode(bytes, header, scale);
        // A picture that lies in its decoder's memory has that for its buffer, and is not counted as held.
        picture = image.data.buffer.byteLength;
        return image;
      } finally {
        peak = Math.max(peak, heldBytes() + picture);
        if (decoders[header.format].heldBytes() > memory.maxHeldBytes()) decoders[header.format].drop();
      }
    },
  };
}

/**
 * Puts the checks before `decodeStored` and the orientation after it: the same in every runtime.
 * `maxDecodeBytes` is what decoding one image may hold besides its encoded bytes; an image that needs more
 * is refused from its header. With `enter` images wait for room, and each has to be released to make some.
 */
export function checkedDecoder(
  decodeStored: DecodeStored,
  maxDecodeBytes: () => number,
  enter?: EnterRoom,
): ImageDecoder {
  return {
    async decode(bytes, limits, shortSide) {
      const header = checkImage(bytes, limits);
      const scale =
        header.format === 'jpeg' && shortSide !== undefined
          ? jpegScale(header.width, header.height, shortSide)
          : 1;
      const needed = checkDecodeBytes(header, bytes.length, scale, maxDecodeBytes());
      const leave = await enter?.(needed);
      try {
        const stored = await decodeStored(bytes, header, scale);
        const image = upright(stored, header.orientation);
        if (image !== stored) stored.release?.();
        return leave === undefined ? image : { ...image, release: () => release(image, leave) };
      } catch (error) {
        leave?.();
        throw error;
      }
    },
  };
}

function release(image: RgbImage, leave: () => void): void {
  image.release?.();
  leave();
}
