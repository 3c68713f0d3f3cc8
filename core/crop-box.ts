// A box of the upright image, in pixels or in fractions of its sides: what lies outside is cut away before
// preprocessing.

import { InputError } from './errors.ts';
import type { RgbImage } from './image.ts';

export interface CropBox {
  /** `pixels`: whole numbers; `fractions`: 0…1 of width and height. */
  readonly unit: 'pixels' | 'fractions';
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The pixels inside the box. Fractions become pixels by rounding each edge, so that boxes that touch as
 * fractions touch as pixels. Throws InputError for a box that is empty or reaches outside the image.
 */
export function cropImage(image: RgbImage, box: CropBox): RgbImage {
  const { left, top, right, bottom } = edges(image, box);
  const whole = [left, top, right, bottom].every(Number.isSafeInteger);
  if (
    !whole ||
    left < 0 ||
    top < 0 ||
    right > image.width ||
    bottom > image.height ||
    right <= left ||
    bottom <= top
  ) {
    throw new InputError(
      'invalid_option',
      `Expected a box of at least 1×1 pixel inside the image of ${image.width}×${image.height} pixels for crop but found left ${left}, top ${top}, right ${right}, bottom ${bottom}.`,
      { param: 'crop' },
    );
  }
  const width = right - left;
  const height = bottom - top;
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row += 1) {
    const start = ((top + row) * image.width + left) * 3;
    data.set(image.data.subarray(start, start + width * 3), row * width * 3);
  }
  return { width, height, data };
}

function edges({ width, height }: RgbImage, box: CropBox) {
  const right = box.left + box.width;
  const bottom = box.top + box.height;
  if (box.unit === 'pixels') return { left: box.left, top: box.top, right, bottom };
  return {
    left: Math.round(box.left * width),
    top: Math.round(box.top * height),
    right: Math.round(right * width),
    bottom: Math.round(bottom * height),
  };
}
