// The one thing we read from EXIF: which way up the picture is (EXIF 2.32 §4.6.4, TIFF 6.0 §2).

import { byteView } from './byte-view.ts';

/**
 * How the stored pixels were turned: 1 upright, 2 mirrored, 3 by 180°, 4 flipped, 5 transposed, 6 to be
 * turned 90° clockwise, 7 transversed, 8 to be turned 90° counter-clockwise.
 */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const ORIENTATION_TAG = 0x0112;
const SHORT = 3;
const LONG = 4;
const ENTRY_BYTES = 12;

/**
 * The orientation in an EXIF block, which is a small TIFF file. `exif` starts at its byte order mark.
 * Anything missing or broken gives 1: a picture with damaged metadata is still a picture.
 */
export function exifOrientation(exif: Uint8Array): Orientation {
  const view = byteView(exif);
  const order = view.text(0, 2);
  if (order !== 'II' && order !== 'MM') return 1;
  const little = order === 'II';
  const directory = view.u32(4, little);
  if (view.u16(2, little) !== 42 || directory === undefined) return 1;
  const entries = view.u16(directory, little) ?? 0;
  for (let index = 0; index < entries; index += 1) {
    const entry = directory + 2 + index * ENTRY_BYTES;
    const tag = view.u16(entry, little);
    if (tag === undefined) return 1;
    if (tag !== ORIENTATION_TAG) continue;
    const type = view.u16(entry + 2, little);
    if (type === SHORT) return toOrientation(view.u16(entry + 8, little));
    return toOrientation(type === LONG ? view.u32(entry + 8, little) : undefined);
  }
  return 1;
}

function toOrientation(value: number | undefined): Orientation {
  const orientations: readonly Orientation[] = [1, 2, 3, 4, 5, 6, 7, 8];
  return orientations.find((orientation) => orientation === value) ?? 1;
}
