// API keys: named, kept only as SHA-256, compared in constant time. Whoever leaks the secret's text leaks
// no key.

import { InputError } from '../core/errors.ts';

export interface ApiKey {
  /** Appears in logs and rate limits; the key itself never does. */
  readonly name: string;
  /** SHA-256 of the key's UTF-8 bytes, 32 bytes. */
  readonly hash: Uint8Array;
}

/** Long enough for any token; hashing longer ones would be work for strangers. */
const MAX_TOKEN_LENGTH = 512;
const ENTRY = /^([A-Za-z0-9._-]{1,64}):([0-9a-f]{64})$/;

/**
 * The secret API_KEYS: entries `name:sha256` separated by commas or white space, as `vgg-edge key NAME`
 * prints them. Two entries may share a name, which is how a key is rotated. Throws InputError naming the
 * entry's position, never its text.
 */
export function parseApiKeys(secret: string): readonly ApiKey[] {
  return secret
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map((entry, index) => {
      const [, name, hex] = ENTRY.exec(entry) ?? [];
      if (name === undefined || hex === undefined) {
        throw new InputError(
          'invalid_argument',
          `Expected 'name:sha256' (64 lower-case hex digits) for entry ${index + 1} of API_KEYS. Make one with 'vgg-edge key NAME'.`,
          { param: 'API_KEYS' },
        );
      }
      return { name, hash: fromHex(hex) };
    });
}

/**
 * The key that the `Authorization` header carries. Throws InputError('unauthorized') without saying how
 * close the attempt came.
 */
export async function authenticate(
  authorization: string | undefined,
  keys: readonly ApiKey[],
): Promise<ApiKey> {
  const token = /^Bearer +([!-~]+) *$/i.exec(authorization ?? '')?.[1];
  if (token === undefined || token.length > MAX_TOKEN_LENGTH) {
    throw unauthorized("Expected the header 'Authorization: Bearer KEY'.");
  }
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)));
  let found: ApiKey | undefined;
  // Every key is compared, whichever matches, so that the time tells nothing about the list.
  for (const key of keys) if (equalInConstantTime(hash, key.hash)) found = key;
  if (found === undefined)
    throw unauthorized('The API key is not known here. Check it, or ask the operator.');
  return found;
}

/** Whether the host of a request is this machine: the only place where keys may be switched off. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]|::1)$/.test(hostname);
}

/** Keys parsed once per text of the secret, so that a changed secret holds from the next request on. */
export function apiKeysFrom(secret: () => string | undefined): () => readonly ApiKey[] {
  let text: string | undefined;
  let keys: readonly ApiKey[] = [];
  return () => {
    const current = secret() ?? '';
    if (current !== text) {
      keys = parseApiKeys(current);
      text = current;
    }
    return keys;
  };
}

function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let index = 0; index < a.length; index += 1) difference |= (a[index] ?? 0) ^ (b[index] ?? 0);
  return difference === 0;
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function unauthorized(message: string): InputError {
  return new InputError('unauthorized', message, { param: 'authorization' });
}
