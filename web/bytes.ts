// Photographs and vectors as the API's JSON has them.

import { toBase64 as encode, fromBase64 } from '../core/encodings.ts';

/** Base64 of the file's bytes. */
export async function toBase64(file: Blob): Promise<string> {
  return encode(new Uint8Array(await file.arrayBuffer()));
}

/** Little-endian float32 in base64 → the values. */
export function floatsOf(base64: string): Float32Array {
  const bytes = fromBase64(base64, 'vector');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(index * 4, true));
}
