// Images and vectors as the API takes them.

import { float32ToBase64, toBase64 } from '../core/encodings.ts';
import type { ImageInput } from '../worker/schemas/input.ts';

/** An image as the API takes it, or its encoded bytes. */
export type Image = ImageInput | Uint8Array | Blob;

/** Values, or little-endian float32 bytes in base64. */
export type Vector = Float32Array | readonly number[] | string;

export async function toImageInput(image: Image): Promise<ImageInput> {
  if (image instanceof Blob) return toBase64(new Uint8Array(await image.arrayBuffer()));
  return image instanceof Uint8Array ? toBase64(image) : image;
}

export function toVectorInput(vector: Vector): readonly number[] | string {
  return vector instanceof Float32Array ? float32ToBase64(vector) : vector;
}
