// At which size a JPEG is decoded. Every runtime asks here, so that all of them see the same pixels.

/** Decoded at 1/scale of the stored width and height; what the DCT gives for nothing. */
export type JpegScale = 1 | 2 | 4 | 8;

/** The short side keeps this many times the resized one, so the antialiased resize still decides. */
const OVERSAMPLING = 2;

/** The largest scale that leaves the short side at least 2 × `resize` pixels. */
export function jpegScale(width: number, height: number, resize: number): JpegScale {
  const short = Math.min(width, height);
  const scales: readonly JpegScale[] = [8, 4, 2];
  return scales.find((scale) => Math.ceil(short / scale) >= OVERSAMPLING * resize) ?? 1;
}
