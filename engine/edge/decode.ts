// Images → pixels in a Worker: WASM that was compiled at deployment, within what an isolate can spare.

import type { ImageDecoder } from '../../core/ports.ts';
import { createTurns } from '../../core/turns.ts';
import { checkedDecoder, createStoredDecoder, type DecoderModules } from '../decode/decoder.ts';

export interface EdgeDecoder extends ImageDecoder {
  /** Bytes held between images, for the next one. */
  heldBytes(): number;
  /** The most that was held at once, the decoded picture with it. */
  peakBytes(): number;
}

/**
 * The most that decoding one image may take. Enough for 12 megapixels of JPEG (baseline at 1/4: 9 MB;
 * progressive with halved chroma: 46 MB), PNG (41 MB) and lossy WebP (56 MB), estimated upwards.
 */
export const EDGE_DECODE_BYTES = 56 * 1024 * 1024;

/** What Cloudflare gives an isolate for everything. */
const ISOLATE_BYTES = 128_000_000;

/**
 * Of it, the script's own: its heap and compiled code, garbage included. A judgement: docs/model-format.md says on
 * what. `build --memory` leaves as much (model-build/isolate-memory.ts).
 */
export const SCRIPT_BYTES = 20_000_000;

/** A baseline JPEG of 12 megapixels is decoded whatever the model takes: one that leaves less is too large. */
const LEAST_BYTES = 10 * 1024 * 1024;

/** What decoding may take in an isolate beside a model of so many bytes of WebAssembly memory. */
export function edgeDecodeBytes(modelBytes: number): number {
  const left = ISOLATE_BYTES - SCRIPT_BYTES - modelBytes;
  return Math.max(LEAST_BYTES, Math.min(EDGE_DECODE_BYTES, left));
}

/**
 * `modules` are the imports of `@cwasm/jpeg-turbo/jpeg-turbo.wasm` and `@cwasm/webp/webp.wasm`, which
 * wrangler gives as WebAssembly.Module. Its images take turns, so that requests share the memory instead of
 * adding up. `maxDecodeBytes` is asked before each image.
 */
export function createEdgeDecoder(
  modules: DecoderModules,
  maxDecodeBytes: () => number = () => EDGE_DECODE_BYTES,
): EdgeDecoder {
  const memory = { maxDecodeBytes, maxHeldBytes: maxDecodeBytes };
  const { decodeStored, heldBytes, peakBytes } = createStoredDecoder(modules, memory);
  return { ...checkedDecoder(decodeStored, maxDecodeBytes), turns: createTurns(), heldBytes, peakBytes };
}
