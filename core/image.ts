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

/** What an image may be before anything is allocated for it. */
export interface ImageLimits {
  /** Largest encoded size in bytes. */
  readonly maxBytes: number;
  /** Largest width × height, read from the header. */
  readonly maxPixels: number;
}
