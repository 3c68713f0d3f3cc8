// Keys for stores whose own ids are short or of a fixed form: hashes of our ids, which themselves lie in
// the item's payload.

import { toHex } from '../core/encodings.ts';

/** A UUID of the id's SHA-256, marked as version 8 (RFC 9562, §5.8: custom). */
export async function uuidKey(id: string): Promise<string> {
  const bytes = (await sha256(id)).slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** 64 hex digits. */
export async function hashKey(id: string): Promise<string> {
  return toHex(await sha256(id));
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
}
