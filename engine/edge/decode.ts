// Images → pixels in a Worker: WASM that was compiled at deployment, within what an isolate can spare.

import type { ImageDecoder } from '../../core/ports.ts';
import { checkedDecoder, createStoredDecoder, type DecoderModules } from '../decode/decoder.ts';

export interface EdgeDecoder extends ImageDecoder {
  /** Bytes of WASM memory held between images. */
  heapBytes(): number;
}

/**
 * Decoding's share of the 128 MB of an isolate. Enough for 12 megapixels of JPEG (baseline at 1/4: 5 MB;
 * progressive with halved chroma: 42 MB), PNG (36 MB) and lossy WebP (51 MB).
 */
export const EDGE_DECODE_BYTES = 56 * 1024 * 1024;

/**
 * `modules` are `import jpeg from '@cwasm/jpeg-turbo/jpeg-turbo.wasm'` and
 * `import webp from '@cwasm/webp/webp.wasm'`, which wrangler gives as WebAssembly.Module.
 */
export function createEdgeDecoder(
  modules: DecoderModules,
  maxDecodeBytes: number = EDGE_DECODE_BYTES,
): EdgeDecoder {
  const { decodeStored, heapBytes } = createStoredDecoder(modules);
  return { ...checkedDecoder(decodeStored, maxDecodeBytes), heapBytes };
}
