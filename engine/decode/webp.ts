// WebP → RGB by libwebp in WASM (@cwasm/webp).

import { overWhite } from '../../core/alpha.ts';
import { InputError } from '../../core/errors.ts';
import type { RgbImage } from '../../core/image.ts';
import type { WebpHeader } from '../../core/webp-header.ts';
import type { FormatDecoder } from './format-decoder.ts';
import { instantiate, refusedSystemCalls, type WasmLibrary } from './wasm-library.ts';

/**
 * The pixels are a view of the library's memory, not a copy, until the image is released; a picture decoded
 * before that gets an instance of its own.
 */
export function createWebpDecoder(module: WebAssembly.Module): FormatDecoder<WebpHeader> {
  let kept: WasmLibrary | undefined;
  return {
    decode(bytes, header) {
      const library = kept ?? instantiateWebp(module);
      // Whatever unforeseen goes wrong, the next image starts with a new instance.
      kept = undefined;
      try {
        const output = decompress(library, bytes, header);
        if (typeof output === 'string') {
          kept = library;
          throw broken(header, output);
        }
        return lend(library, output, header, () => {
          kept = library;
        });
      } catch (cause) {
        if (cause instanceof WebAssembly.RuntimeError) throw broken(header, 'a trap', cause);
        throw cause;
      }
    },
    heldBytes: () => kept?.heapBytes() ?? 0,
    drop: () => {
      kept = undefined;
    },
  };
}

function instantiateWebp(module: WebAssembly.Module): WasmLibrary {
  return instantiate(module, {
    wasi_snapshot_preview1: refusedSystemCalls('fd_close', 'fd_seek', 'fd_write'),
  });
}

/** The address of the RGBA pixels, or what was found instead; everything else allocated is freed. */
function decompress(library: WasmLibrary, bytes: Uint8Array, header: WebpHeader): number | string {
  const input = library.allocate(bytes.length);
  library.view(input, bytes.length).set(bytes);
  const size = library.allocate(8);
  const output = library.call('WebPDecodeRGBA', input, bytes.length, size, size + 4) >>> 0;
  const [width, height] = new Uint32Array(library.view(size, 8).slice().buffer);
  library.free(size);
  library.free(input);
  if (output === 0) return 'damaged or missing picture data';
  if (width === header.width && height === header.height) return output;
  library.free(output);
  return `${width}×${height} pixels`;
}

function lend(
  library: WasmLibrary,
  output: number,
  { width, height }: WebpHeader,
  giveBack: () => void,
): RgbImage {
  const rgba = library.view(output, width * height * 4);
  let lent = true;
  const release = () => {
    if (!lent) return;
    lent = false;
    library.free(output);
    giveBack();
  };
  return { ...overWhite(rgba, width, height, rgba.subarray(0, width * height * 3)), release };
}

function broken({ width, height }: WebpHeader, found: string, cause?: unknown): InputError {
  return new InputError(
    'invalid_image',
    `Expected a complete WebP of ${width}×${height} pixels but the decoder found: ${found}.`,
    { cause },
  );
}
