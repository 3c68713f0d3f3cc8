// Turns stored pixels upright, as Pillow's ImageOps.exif_transpose does.

import type { Orientation } from './exif.ts';
import type { RgbImage } from './image.ts';

/** For the upright pixel (x, y): which stored pixel it is, as origin + x·stepX + y·stepY in pixels. */
interface Walk {
  readonly width: number;
  readonly height: number;
  readonly origin: number;
  readonly stepX: number;
  readonly stepY: number;
}

/** The image turned upright; the same object when it already is. */
export function upright(image: RgbImage, orientation: Orientation): RgbImage {
  if (orientation === 1) return image;
  const { width, height, origin, stepX, stepY } = walk(image, orientation);
  const data = new Uint8Array(width * height * 3);
  let target = 0;
  for (let y = 0; y < height; y += 1) {
    let source = (origin + y * stepY) * 3;
    for (let x = 0; x < width; x += 1) {
      data[target] = image.data[source] ?? 0;
      data[target + 1] = image.data[source + 1] ?? 0;
      data[target + 2] = image.data[source + 2] ?? 0;
      target += 3;
      source += stepX * 3;
    }
  }
  return { width, height, data };
}

function walk({ width, height }: RgbImage, orientation: Orientation): Walk {
  const right = width - 1;
  const bottom = (height - 1) * width;
  const kept = { width, height };
  const swapped = { width: height, height: width };
  const walks: Record<Orientation, Walk> = {
    1: { ...kept, origin: 0, stepX: 1, stepY: width },
    2: { ...kept, origin: right, stepX: -1, stepY: width },
    3: { ...kept, origin: bottom + right, stepX: -1, stepY: -width },
    4: { ...kept, origin: bottom, stepX: 1, stepY: -width },
    5: { ...swapped, origin: 0, stepX: width, stepY: 1 },
    6: { ...swapped, origin: bottom, stepX: -width, stepY: 1 },
    7: { ...swapped, origin: bottom + right, stepX: -width, stepY: -1 },
    8: { ...swapped, origin: right, stepX: width, stepY: -1 },
  };
  return walks[orientation];
}
