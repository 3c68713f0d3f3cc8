// Images → pixels in a Worker: WASM that was compiled at deployment, within what an isolate can spare.

import type { ImageDecoder } from '../../core/ports.ts';
import { createTurns } from '../../core/turns.ts';
import { checkedDecoder, createStoredDecoder, type DecoderModules } from '../decode/decoder.ts';

export interface EdgeDecoder extends ImageDecoder {
  /** Bytes held between images, for the next one. */
  heldBytes(): number;
}

/**
 * Decoding's share of the 128 MB of an isolate. Enough for 12 megapixels of JPEG (baseline at 1/4: 9 MB;
 * progressive with halved chroma: 46 MB), PNG (37 MB) and lossy WebP (56 MB), estimated upwards.
 */
export const EDGE_DECODE_BYTES = 56 * 1024 * 1024;

/**
 * `modules` are the imports of `@cwasm/jpeg-turbo/jpeg-turbo.wasm` and `@cwasm/webp/webp.wasm`, which
 * wrangler gives as WebAssembly.Module. One image at a time, so that requests share the memory instead of
 * adding up.
 */
export function createEdgeDecoder(
  modules: DecoderModules,
  maxDecodeBytes: number = EDGE_DECODE_BYTES,
): EdgeDecoder {
  const memory = { maxDecodeBytes, maxHeldBytes: maxDecodeBytes };
  const { decodeStored, heldBytes } = createStoredDecoder(modules, memory);
  const turns = createTurns();
  return {
    ...checkedDecoder((...image) => turns(() => decodeStored(...image)), maxDecodeBytes),
    heldBytes,
  };
}
