// Photographs as the API's JSON has them, and names for them.

import { toBase64 as encode, toHex } from '../core/encodings.ts';

/** Base64 of the file's bytes. */
export async function toBase64(file: Blob): Promise<string> {
  return encode(new Uint8Array(await file.arrayBuffer()));
}

/** Of 4 bits each, from the browser's random numbers, which pages of any origin have. */
export function randomDigits(count: number): string {
  return toHex(crypto.getRandomValues(new Uint8Array(Math.ceil(count / 2)))).slice(0, count);
}
