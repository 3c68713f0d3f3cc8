// JPEG → RGB by libjpeg-turbo in WASM (@cwasm/jpeg-turbo), at 1/1, 1/2, 1/4 or 1/8 of the stored size.
// The inverse DCT is computed at the small size, so a photo of 12 megapixels needs 5 MB, not 100.

import { InputError } from '../../core/errors.ts';
import type { RgbImage } from '../../core/image.ts';
import type { JpegHeader } from '../../core/jpeg-header.ts';
import type { JpegScale } from '../../core/jpeg-scale.ts';
import { releaseBytes } from '../../core/release-bytes.ts';
import { cmykToRgb } from './cmyk.ts';
import type { FormatDecoder } from './format-decoder.ts';
import { instantiate, refusedSystemCalls, type WasmLibrary } from './wasm-library.ts';

/**
 * An error exit leaves the frames of one call on the WASM stack of 64 KiB: 280 bytes where measured. So
 * many of them, and the instance is replaced.
 */
const MAX_ERROR_EXITS = 16;

/** TurboJPEG's pixel formats (turbojpeg.h, TJPF). */
const TJPF_RGB = 0;
const TJPF_CMYK = 11;

/** libjpeg formats its last error or first warning into a static buffer of JMSG_LENGTH_MAX bytes. */
const MESSAGE_BYTES = 200;
const INITIAL_MESSAGE = 'No error';

/**
 * jpeg_error_mgr of jpeglib.h at 32 bits: five functions, a code, 80 bytes of parameters and the trace level come
 * before the count of warnings.
 */
const WARNINGS_OFFSET = 108;
/** As much of turbojpeg.c's instance as holds the states of compression and decompression. */
const INSTANCE_WORDS = 256;

/**
 * Warnings after which the picture is whole: stray bytes between segments, parameters that do not matter
 * in a sequential file, unknown versions. Everything else means damaged or missing picture data, where
 * libjpeg would go on with grey. It tells only the first warning, so a second one counts as damage.
 */
const HARMLESS =
  /extraneous bytes before marker|Invalid SOS parameters for sequential|Unknown Adobe color|JFIF major revision/;

/** libjpeg's regular way out of a fatal error, here as an exception through the WASM frames. */
class LongJump extends Error {}

interface Turbo {
  readonly library: WasmLibrary;
  /** Where libjpeg's messages stand; negative when not found. */
  readonly messageAddress: number;
  errorExits: number;
}

export function createJpegDecoder(module: WebAssembly.Module): FormatDecoder<JpegHeader> {
  let kept: Turbo | undefined;
  return {
    decode(bytes, header, scale) {
      const turbo = kept ?? instantiateTurbo(module);
      // Whatever unforeseen goes wrong, the next image starts with a new instance.
      kept = undefined;
      try {
        const result = decompress(turbo, bytes, header, scale);
        if (turbo.errorExits < MAX_ERROR_EXITS) kept = turbo;
        if (typeof result === 'string') throw broken(header, result);
        return result;
      } catch (cause) {
        if (cause instanceof WebAssembly.RuntimeError) throw broken(header, 'a trap', cause);
        throw cause;
      }
    },
    heldBytes: () => kept?.library.heapBytes() ?? 0,
    drop: () => {
      kept = undefined;
    },
  };
}

function instantiateTurbo(module: WebAssembly.Module): Turbo {
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
  return { library, messageAddress: findMessage(library), errorExits: 0 };
}

/** The image, or what libjpeg found instead. Everything allocated is freed again. */
function decompress(
  turbo: Turbo,
  bytes: Uint8Array,
  header: JpegHeader,
  scale: JpegScale,
): RgbImage | string {
  const { library } = turbo;
  const cmyk = header.components.length === 4;
  const channels = cmyk ? 4 : 3;
  const format = cmyk ? TJPF_CMYK : TJPF_RGB;
  // TurboJPEG picks the largest of its scales whose result fits the given size: exactly ours.
  const width = Math.ceil(header.width / scale);
  const height = Math.ceil(header.height / scale);
  const pitch = width * channels;
  const { length } = bytes;
  const input = library.allocate(length);
  library.view(input, length).set(bytes);
  const output = library.allocate(pitch * height);
  const handle = library.call('tjInitDecompress');
  let whole = false;
  let warnings = 0;
  try {
    const status = library.call(
      'tjDecompress2',
      handle,
      input,
      length,
      output,
      width,
      pitch,
      height,
      format,
      0,
    );
    warnings = countWarnings(library, handle);
    whole = status === 0 || (warnings === 1 && HARMLESS.test(readMessage(turbo)));
  } catch (cause) {
    if (!(cause instanceof LongJump)) throw cause;
    turbo.errorExits += 1;
  }
  const pixels = library.view(output, pitch * height);
  const result = whole
    ? picture(width, height, cmyk ? cmykToRgb(pixels) : pixels.slice())
    : `${readMessage(turbo)}${warnings > 1 ? `, the first of ${warnings} warnings` : ''}`;
  library.call('tjDestroy', handle);
  library.free(output);
  library.free(input);
  return result;
}

function picture(width: number, height: number, data: Uint8Array): RgbImage {
  return { width, height, data, release: () => releaseBytes(data) };
}

/** The address is a constant of the module; before any error the buffer holds its initial text. */
function findMessage(library: WasmLibrary): number {
  const memory = new TextDecoder('latin1').decode(library.view(0, library.heapBytes()));
  return memory.indexOf(INITIAL_MESSAGE.padEnd(MESSAGE_BYTES, '\0'));
}

/**
 * Warnings of the last decompression. The instance begins with the state of compression, which is all zero, so
 * the first field that is not is the decompression's pointer to its error manager.
 */
function countWarnings(library: WasmLibrary, handle: number): number {
  const instance = new Uint32Array(library.view(handle, INSTANCE_WORDS * 4).slice().buffer);
  const manager = instance.find((word) => word !== 0) ?? 0;
  return new Uint32Array(library.view(manager + WARNINGS_OFFSET, 4).slice().buffer)[0] ?? 0;
}

function readMessage({ library, messageAddress }: Turbo): string {
  if (messageAddress < 0) return 'damaged data';
  const text = new TextDecoder('latin1').decode(library.view(messageAddress, MESSAGE_BYTES));
  return text.slice(0, text.indexOf('\0'));
}

function broken({ width, height }: JpegHeader, found: string, cause?: unknown): InputError {
  return new InputError(
    'invalid_image',
    `Expected a complete JPEG of ${width}×${height} pixels but the decoder found: ${found}.`,
    { cause },
  );
}
