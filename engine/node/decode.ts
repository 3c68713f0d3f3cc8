// Images → pixels in Node: sharp on its thread pool where it gives the same pixels as the edge, the edge's
// own decoders for the rest.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { overWhite } from '../../core/alpha.ts';
import type { RgbImage } from '../../core/image.ts';
import type { ImageHeader } from '../../core/image-header.ts';
import type { JpegScale } from '../../core/jpeg-scale.ts';
import type { ImageDecoder } from '../../core/ports.ts';
import { createDecodeRoom } from '../decode/decode-room.ts';
import { checkedDecoder, createStoredDecoder, type DecodeStored } from '../decode/decoder.ts';

/** A server has room: 80 megapixels of progressive JPEG without subsampling. */
export const NODE_DECODE_BYTES = 512 * 1024 * 1024;
/** Larger heaps are left to the garbage collector, which in Node is prompt. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

/**
 * With `isShared` all images that are decoded at once have `maxDecodeBytes` together: for servers, of whose images
 * nobody knows how many come. Each has to be released then.
 */
export async function createNodeDecoder(
  maxDecodeBytes: number = NODE_DECODE_BYTES,
  { isShared = false }: { readonly isShared?: boolean } = {},
): Promise<ImageDecoder> {
  const [jpeg, webp] = await Promise.all([
    compile('@cwasm/jpeg-turbo/jpeg-turbo.wasm'),
    compile('@cwasm/webp/webp.wasm'),
  ]);
  const { decodeStored: decodeByWasm } = createStoredDecoder(
    { jpeg, webp },
    { maxDecodeBytes: () => maxDecodeBytes, maxHeldBytes: () => MAX_HELD_BYTES },
  );
  const decodeStored: DecodeStored = async (bytes, header, scale) => {
    if (!suitsSharp(header, scale)) return await decodeByWasm(bytes, header, scale);
    try {
      return await decodeBySharp(bytes, header);
    } catch {
      // sharp refuses at the first warning. What is broken, and how to say so, is decided in one place.
      return await decodeByWasm(bytes, header, scale);
    }
  };
  return checkedDecoder(
    decodeStored,
    () => maxDecodeBytes,
    isShared ? createDecodeRoom(maxDecodeBytes) : undefined,
  );
}

/**
 * Up to so many pixels WebAssembly decodes a JPEG as fast as sharp. libvips hands every strip of an image from
 * thread to thread (180 futex calls for 436 × 320), which many cores at once do not bear: 16 of them decoded
 * no more than 8.
 */
const SMALL_JPEG_PIXELS = 200_000;

/**
 * sharp converts CMYK through a profile of its own, and cannot be told at which scale to decode a JPEG:
 * its resize decides that itself.
 */
function suitsSharp(header: ImageHeader, scale: JpegScale): boolean {
  if (header.format !== 'jpeg') return true;
  const small = header.width * header.height <= SMALL_JPEG_PIXELS;
  return scale === 1 && header.components.length < 4 && !small;
}

/** Throws sharp's errors, and a plain Error when the result is not what the header said. */
async function decodeBySharp(bytes: Uint8Array, header: ImageHeader): Promise<RgbImage> {
  const { data, info } = await sharp(bytes, { failOn: 'warning', ignoreIcc: true, limitInputPixels: false })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (width !== header.width || height !== header.height) {
    throw new Error(
      `Expected ${header.width}×${header.height} pixels from sharp but found ${width}×${height}.`,
    );
  }
  if (channels === 3) return { width, height, data };
  if (channels === 4) return overWhite(data, width, height);
  throw new Error(`Expected 3 or 4 channels from sharp but found ${channels}.`);
}

async function compile(file: string): Promise<WebAssembly.Module> {
  return await WebAssembly.compile(await readFile(fileURLToPath(import.meta.resolve(file))));
}
