// The image type that decoders produce and preprocessing consumes.

/** Interleaved 8-bit sRGB pixels, upright (EXIF orientation applied), alpha already over white. */
export interface RgbImage {
  /** Pixels, ≥ 1. */
  readonly width: number;
  /** Pixels, ≥ 1. */
  readonly height: number;
  /** height × width × 3 bytes, row by row, R G B. */
  readonly data: Uint8Array | Uint8ClampedArray;
  /**
   * Gives the memory of `data` back to the decoder, which uses it for the next image; `data` must not be
   * read afterwards. Where nobody calls it the garbage collector does the work, later.
   */
  readonly release?: () => void;
}

/** Names of files in the decoders' formats. */
export const IMAGE_ENDINGS = /\.(jpe?g|png|webp)$/i;

/** What an image may be before anything is allocated for it. */
export interface ImageLimits {
  /** Largest encoded size in bytes. */
  readonly maxBytes: number;
  /** Largest width × height, read from the header. */
  readonly maxPixels: number;
}

/** For photographs of whoever runs the command, on his own machine. */
export const LOCAL_IMAGE_LIMITS: ImageLimits = { maxBytes: 100 * 1024 * 1024, maxPixels: 200_000_000 };
