// Ids of items as core/vector-store.ts wants them: 1 to 512 bytes of UTF-8.

import { createHash } from 'node:crypto';
import { plainText } from './plain-text.ts';

const MAX_ID_BYTES = 512;
/** `~` and so many hex digits stand for what is cut off. */
const HASH_DIGITS = 16;

/** The name itself, or, where it is too long, its beginning with a hash of the whole. */
export function toItemId(name: string): string {
  const plain = plainText(name);
  const bytes = Buffer.from(plain);
  if (bytes.length <= MAX_ID_BYTES) return plain;
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, HASH_DIGITS);
  // A character cut in two decodes to U+FFFD, which is left out.
  const kept = bytes
    .subarray(0, MAX_ID_BYTES - HASH_DIGITS - 1)
    .toString()
    .replace(/\uFFFD+$/, '');
  return `${kept}~${hash}`;
}
