// JPEG → RGB by libjpeg-turbo in WASM (@cwasm/jpeg-turbo), at 1/1, 1/2, 1/4 or 1/8 of the stored size.
// The inverse DCT is computed at the small size, so a photo of 12 megapixels needs 5 MB, not 100.

import { InputError } from '../../core/errors.ts';
import type { RgbImage } from '../../core/image.ts';
import type { JpegHeader } from '../../core/jpeg-header.ts';
import type { JpegScale } from '../../core/jpeg-scale.ts';
import { cmykToRgb } from './cmyk.ts';
import { instantiate, refusedSystemCalls, type WasmLibrary } from './wasm-library.ts';

export interface JpegDecoder {
  /** Stored orientation. Throws InputError `invalid_image`. */
  decode(bytes: Uint8Array, header: JpegHeader, scale: JpegScale): RgbImage;
  /** Bytes of WASM memory held between images. */
  heapBytes(): number;
}

/** WASM memory never shrinks: an instance that has grown past this is dropped after the image. */
const KEPT_HEAP_BYTES = 32 * 1024 * 1024;

/** TurboJPEG's pixel formats (turbojpeg.h, TJPF). */
const TJPF_RGB = 0;
const TJPF_CMYK = 11;

/** libjpeg formats its last error or first warning into a static buffer of JMSG_LENGTH_MAX bytes. */
const MESSAGE_BYTES = 200;
const INITIAL_MESSAGE = 'No error';

/**
 * Warnings after which the picture is whole: stray bytes between segments, parameters that do not matter
 * in a sequential file, unknown versions. Everything else means damaged or missing picture data, where
 * libjpeg would go on with grey.
 */
const HARMLESS =
  /extraneous bytes before marker|Invalid SOS parameters for sequential|Unknown Adobe color|JFIF major revision/;

/** libjpeg's error exit: unwinds the WASM stack, after which the instance is unusable. */
class LongJump extends Error {}

export function createJpegDecoder(module: WebAssembly.Module): JpegDecoder {
  let kept: WasmLibrary | undefined;
  let messageAddress: number | undefined;

  return {
    decode(bytes, header, scale) {
      const library = kept ?? instantiateTurbo(module);
      messageAddress ??= findMessage(library);
      // Whatever goes wrong, the next image starts with a new instance.
      kept = undefined;
      let image: RgbImage;
      try {
        image = decompress(library, bytes, header, scale, messageAddress);
      } catch (cause) {
        if (cause instanceof LongJump || cause instanceof WebAssembly.RuntimeError) {
          throw broken(
            header,
            cause instanceof LongJump ? readMessage(library, messageAddress) : 'a trap',
            cause,
          );
        }
        throw cause;
      }
      if (library.heapBytes() <= KEPT_HEAP_BYTES) kept = library;
      return image;
    },
    heapBytes: () => kept?.heapBytes() ?? 0,
  };
}

function instantiateTurbo(module: WebAssembly.Module): WasmLibrary {
  const library: WasmLibrary = instantiate(module, {
    env: {
      setjmp: () => 0,
      longjmp: () => {
        throw new LongJump('longjmp');
      },
    },
    wasi_snapshot_preview1: {
      ...refusedSystemCalls('proc_exit', 'fd_close', 'fd_seek', 'fd_write', 'environ_get'),
      // No environment variables: count 0, size 0.
      environ_sizes_get: (count = 0, size = 0) => {
        library.view(count, 4).fill(0);
        library.view(size, 4).fill(0);
        return 0;
      },
    },
  });
  return library;
}

/** Frees what it allocated only on success: after a failure the instance is dropped. */
function decompress(
  library: WasmLibrary,
  bytes: Uint8Array,
  header: JpegHeader,
  scale: JpegScale,
  messageAddress: number,
): RgbImage {
  const cmyk = header.components.length === 4;
  const channels = cmyk ? 4 : 3;
  const width = Math.ceil(header.width / scale);
  const height = Math.ceil(header.height / scale);
  const input = library.allocate(bytes.length);
  library.view(input, bytes.length).set(bytes);
  const output = library.allocate(width * height * channels);
  const handle = library.call('tjInitDecompress');
  // TurboJPEG picks the largest of its scales whose result fits the given size: exactly ours.
  const status = library.call(
    'tjDecompress2',
    handle,
    input,
    bytes.length,
    output,
    width,
    width * channels,
    height,
    cmyk ? TJPF_CMYK : TJPF_RGB,
    0,
  );
  if (status !== 0) {
    const message = readMessage(library, messageAddress);
    if (!HARMLESS.test(message)) throw broken(header, message);
  }
  const pixels = library.view(output, width * height * channels);
  const data = cmyk ? cmykToRgb(pixels) : pixels.slice();
  library.call('tjDestroy', handle);
  library.free(output);
  library.free(input);
  return { width, height, data };
}

/** The address is a constant of the module; before any error the buffer holds its initial text. */
function findMessage(library: WasmLibrary): number {
  const memory = new TextDecoder('latin1').decode(library.view(0, library.heapBytes()));
  return memory.indexOf(INITIAL_MESSAGE.padEnd(MESSAGE_BYTES, '\0'));
}

function readMessage(library: WasmLibrary, address: number): string {
  if (address < 0) return 'damaged data';
  const text = new TextDecoder('latin1').decode(library.view(address, MESSAGE_BYTES));
  return text.slice(0, text.indexOf('\0'));
}

function broken({ width, height }: JpegHeader, found: string, cause?: unknown): InputError {
  return new InputError(
    'invalid_image',
    `Expected a complete JPEG of ${width}×${height} pixels but the decoder found: ${found}.`,
    { cause },
  );
}
