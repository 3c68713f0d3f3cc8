// Stored answers: the same image, options and model give the same answer, so it is computed once. A key
// names all three; whoever knows the key may read the answer, which holds no image.

import { toHex } from '../core/encodings.ts';

/** A finished answer; everything that depends on time or on the request is added anew. */
export interface StoredAnswer {
  /** `content-type`, and what describes the body: lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface AnswerCache {
  get(key: string): Promise<StoredAnswer | undefined>;
  /** Never throws: an answer that cannot be stored is still an answer. */
  put(key: string, answer: StoredAnswer): Promise<void>;
}

/** What an answer depends on. */
export interface AnswerIdentity {
  readonly route: string;
  readonly model: string;
  /** Everything that shapes the answer, defaults filled in; key order does not matter. */
  readonly options: Readonly<Record<string, unknown>>;
  /** SHA-256 of each image's bytes, hex, in order. */
  readonly images: readonly string[];
}

/** 64 hex digits: SHA-256 of the identity as canonical JSON. It is the ETag and the cache's key. */
export async function answerKey({ route, model, options, images }: AnswerIdentity): Promise<string> {
  const sorted = Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sha256Hex(new TextEncoder().encode(JSON.stringify([route, model, sorted, images])));
}

export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', unshared(bytes))));
}

/** The bytes where they lie; a copy of shared memory, which neither Web Crypto nor a Response takes. */
export function unshared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = bytes;
  return buffer instanceof ArrayBuffer ? new Uint8Array(buffer, byteOffset, length) : new Uint8Array(bytes);
}

export const ANSWER_KEY = /^[0-9a-f]{64}$/;

/**
 * Whether `If-None-Match` names the key (RFC 9110 §13.1.2: a list, weak comparison). `*` stands for whatever
 * there is, and so names nothing before an answer was found.
 */
export function matchesETag(ifNoneMatch: string | undefined, key: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${key}"`);
}

/** Bytes that an entry takes beside its texts and its body: measured in Node at 200,000 answers of 64 bytes. */
const ENTRY_BYTES = 512;

/** The least recently used answers go first when `maxBytes` are exceeded, of bodies and all that is kept with them. */
export function memoryAnswerCache(maxBytes: number): AnswerCache {
  const answers = new Map<string, StoredAnswer>();
  let bytes = 0;
  return {
    async get(key) {
      const answer = answers.get(key);
      if (answer !== undefined) {
        answers.delete(key);
        answers.set(key, answer);
      }
      return answer;
    },
    async put(key, answer) {
      if (weigh(key, answer) > maxBytes) return;
      const replaced = answers.get(key);
      bytes += weigh(key, answer) - (replaced === undefined ? 0 : weigh(key, replaced));
      answers.delete(key);
      answers.set(key, answer);
      for (const [oldest, dropped] of answers) {
        if (bytes <= maxBytes) break;
        answers.delete(oldest);
        bytes -= weigh(oldest, dropped);
      }
    },
  };
}

/** Bytes of memory, about. */
function weigh(key: string, { headers, body }: StoredAnswer): number {
  const texts = Object.entries(headers).reduce((sum, pair) => sum + pair.join().length, key.length);
  return texts + body.length + ENTRY_BYTES;
}

/** The part of the Cache API that is used (`caches.default` on Cloudflare, one cache per location). */
export interface PlatformCache {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
}

const HEADERS = 'x-stored-headers';

/** `maxAge` in seconds: how long the platform may keep an answer; it may drop it sooner. */
export function platformAnswerCache(cache: PlatformCache, maxAge: number): AnswerCache {
  // The Cache API wants a URL. `.invalid` cannot collide with a page of anybody's.
  const url = (key: string) => `https://answers.vgg-edge.invalid/${key}`;
  return {
    async get(key) {
      const response = await cache.match(url(key)).catch(() => undefined);
      if (response === undefined) return undefined;
      const stored = response.headers.get(HEADERS) ?? '{}';
      return { headers: JSON.parse(stored), body: new Uint8Array(await response.arrayBuffer()) };
    },
    async put(key, { headers, body }) {
      // The platform adds and changes headers of its own, so ours travel in one.
      const wrapped = { [HEADERS]: JSON.stringify(headers), 'cache-control': `public, max-age=${maxAge}` };
      const response = new Response(unshared(body), { headers: wrapped });
      await cache.put(url(key), response).catch(() => undefined);
    },
  };
}
