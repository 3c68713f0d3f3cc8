// One encoded image → what the network takes. The embedder and the runner's decoding threads both do this.

import { type CropBox, cropImage } from './crop-box.ts';
import type { ImageLimits } from './image.ts';
import type { ImageBatch, ImageDecoder } from './ports.ts';
import { type PreprocessSizes, preprocess } from './preprocess.ts';

export interface PrepareParts {
  readonly decoder: ImageDecoder;
  readonly sizes: PreprocessSizes;
  readonly limits: ImageLimits;
}

/**
 * A batch of one. An image with a crop box is decoded at full size, since the box may be in pixels.
 * `decoded` is called between decoding and preprocessing. Throws InputError for what is no such image.
 */
export function prepareImage(
  bytes: Uint8Array,
  crop: CropBox | undefined,
  parts: PrepareParts,
  decoded?: () => void,
): Promise<ImageBatch> {
  const work = () => prepare(bytes, crop, parts, decoded);
  return parts.decoder.turns === undefined ? work() : parts.decoder.turns(work);
}

async function prepare(
  bytes: Uint8Array,
  crop: CropBox | undefined,
  { decoder, sizes, limits }: PrepareParts,
  decoded: (() => void) | undefined,
): Promise<ImageBatch> {
  const image = await decoder.decode(bytes, limits, crop === undefined ? sizes.resize : undefined);
  try {
    decoded?.();
    return preprocess([crop === undefined ? image : cropImage(image, crop)], sizes);
  } finally {
    image.release?.();
  }
}
