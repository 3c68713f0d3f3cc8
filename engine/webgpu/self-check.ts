// Whether an engine computes what it should: GPUs and their drivers have given wrong numbers and NaN without
// any error, so a new device is compared with our kernel before it answers anybody.

import type { Engine, ImageBatch } from '../../core/ports.ts';

/**
 * On the picture below, int8 and float32 features of the default model have a cosine of 0.9998; what is
 * broken is far off (padding on the wrong side, fp16 overflow).
 */
export const MIN_COSINE = 0.99;

/** The cosine of both engines' features for one fixed picture of `crop` × `crop`; NaN when one has NaN or only zeros. */
export async function featuresCosine(reference: Engine, candidate: Engine, crop: number): Promise<number> {
  const picture = waves(crop);
  const { outputs: expected } = await reference.run(picture, ['features']);
  const { outputs: found } = await candidate.run(picture, ['features']);
  return cosine(expected.features ?? new Float32Array(), found.features ?? new Float32Array());
}

/** Smooth waves of different lengths in red, green and blue: features of every size, all of them steady. */
function waves(crop: number): ImageBatch {
  const data = new Uint8Array(crop * crop * 3);
  for (let index = 0; index < data.length; index += 1) {
    const channel = index % 3;
    const pixel = Math.floor(index / 3);
    const down = Math.sin(Math.floor(pixel / crop) / (9 + 3 * channel));
    const across = Math.cos((pixel % crop) / (13 - 2 * channel));
    data[index] = 127 + 100 * down * across;
  }
  return { images: 1, size: crop, data };
}

function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.NaN;
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  a.forEach((value, index) => {
    const other = b[index] ?? Number.NaN;
    product += value * other;
    squaresA += value * value;
    squaresB += other * other;
  });
  return product / Math.sqrt(squaresA * squaresB);
}
