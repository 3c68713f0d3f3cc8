// WebP → RGB by libwebp in WASM (@cwasm/webp).

import { overWhite } from '../../core/alpha.ts';
import { InputError } from '../../core/errors.ts';
import type { RgbImage } from '../../core/image.ts';
import type { WebpHeader } from '../../core/webp-header.ts';
import { instantiate, refusedSystemCalls } from './wasm-library.ts';

/**
 * Each picture gets an instance of its own (0.05 ms): nothing that a hostile file does inside the sandbox
 * outlives it, and the pixels need no copy out of its memory. Stored orientation.
 * Throws InputError `invalid_image`.
 */
export function decodeWebp(module: WebAssembly.Module, bytes: Uint8Array, header: WebpHeader): RgbImage {
  const { width, height } = header;
  try {
    const library = instantiate(module, {
      wasi_snapshot_preview1: refusedSystemCalls('fd_close', 'fd_seek', 'fd_write'),
    });
    const input = library.allocate(bytes.length);
    library.view(input, bytes.length).set(bytes);
    const size = library.allocate(8);
    const output = library.call('WebPDecodeRGBA', input, bytes.length, size, size + 4) >>> 0;
    if (output === 0) throw broken(header, 'damaged or missing picture data');
    const decoded = new Uint32Array(library.view(size, 8).slice().buffer);
    if (decoded[0] !== width || decoded[1] !== height) {
      throw broken(header, `${decoded[0]}×${decoded[1]} pixels`);
    }
    const rgba = library.view(output, width * height * 4);
    return overWhite(rgba, width, height, rgba.subarray(0, width * height * 3));
  } catch (cause) {
    if (cause instanceof WebAssembly.RuntimeError) throw broken(header, 'a trap', cause);
    throw cause;
  }
}

function broken({ width, height }: WebpHeader, found: string, cause?: unknown): InputError {
  return new InputError(
    'invalid_image',
    `Expected a complete WebP of ${width}×${height} pixels but the decoder found: ${found}.`,
    { cause },
  );
}
