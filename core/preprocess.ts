// Pixels → what the network takes: short side to 256, centre crop 224, as torchvision's transforms do.
// Mean and deviation are applied inside the model's graph, so a batch stays uint8.

import { InputError } from './errors.ts';
import type { RgbImage } from './image.ts';
import type { ImageBatch } from './ports.ts';
import { type Region, resizeRegion } from './resize.ts';

/** Name of this contract; results of another version are not comparable. */
export const PREPROCESS_VERSION = 'torchvision-256-224@1';

/** The manifest's sizes in pixels: 256 and 224 in the default contract. */
export interface PreprocessSizes {
  /** The short side after resizing. */
  readonly resize: number;
  /** Side of the square cut from the centre, ≤ resize. */
  readonly crop: number;
}

/**
 * A batch of images, uint8 RGB [images, crop, crop, 3], bit for bit what
 * `torchvision.transforms.Compose([Resize(resize), CenterCrop(crop)])` gives on Pillow images.
 * Throws InputError for an image whose data does not have its size, or a crop larger than the resize.
 */
export function preprocess(images: readonly RgbImage[], sizes: PreprocessSizes): ImageBatch {
  checkSizes(sizes);
  const { crop } = sizes;
  const bytes = crop * crop * 3;
  const data = new Uint8Array(images.length * bytes);
  images.forEach((image, index) => {
    checkImage(image);
    const { width, height, region } = geometry(image, sizes);
    resizeRegion(image, width, height, region, data.subarray(index * bytes, (index + 1) * bytes));
  });
  return { images: images.length, size: crop, data };
}

/** Size of the whole resized image and where the crop lies in it. */
export function geometry(
  image: { readonly width: number; readonly height: number },
  { resize, crop }: PreprocessSizes,
): { width: number; height: number; region: Region } {
  const long = Math.max(image.width, image.height);
  const short = Math.min(image.width, image.height);
  const resizedLong = Math.trunc((resize * long) / short);
  const [width, height] = image.width <= image.height ? [resize, resizedLong] : [resizedLong, resize];
  const left = roundHalfToEven((width - crop) / 2);
  const top = roundHalfToEven((height - crop) / 2);
  return { width, height, region: { left, top, width: crop, height: crop } };
}

/** Python's `round`, which torchvision's centre crop uses: 0.5 → 0, 1.5 → 2, 2.5 → 2. */
function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function checkSizes({ resize, crop }: PreprocessSizes): void {
  for (const [name, value] of Object.entries({ resize, crop })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new InputError(
        'invalid_argument',
        `Expected a whole number of pixels ≥ 1 for ${name} but found ${value}.`,
        { param: name },
      );
    }
  }
  if (crop > resize) {
    throw new InputError(
      'invalid_argument',
      `Expected at most the resized short side, ${resize} pixels, for crop but found ${crop}.`,
      { param: 'crop' },
    );
  }
}

function checkImage({ width, height, data }: RgbImage): void {
  const whole = Number.isSafeInteger(width) && Number.isSafeInteger(height) && width >= 1 && height >= 1;
  if (!whole || data.length !== width * height * 3) {
    throw new InputError(
      'invalid_image',
      `Expected height × width × 3 bytes for an image of ${width}×${height} pixels but found ${data.length}.`,
    );
  }
}
