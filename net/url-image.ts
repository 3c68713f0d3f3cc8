// Image URL → bytes: one request per hop, redirects followed by hand so that each is checked, and one
// clock and one byte budget for all of it.

import { createByteCollector, declaredLength } from '../core/byte-collector.ts';
import { InputError } from '../core/errors.ts';
import { checkImageUrl, type UrlPolicy } from './url-policy.ts';

/** The part of `fetch` that is used: redirects are never followed by it. */
export type FetchImage = (
  url: URL,
  init: {
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
    readonly headers: Record<string, string>;
  },
) => Promise<Response>;

export interface UrlLimits {
  /** Bytes of the image. */
  readonly maxBytes: number;
  /** Milliseconds for all hops and the whole body. */
  readonly timeout: number;
  readonly maxRedirects: number;
}

export interface UrlImageSource {
  readonly policy: UrlPolicy;
  readonly fetch: FetchImage;
  readonly limits: UrlLimits;
}

/** Reads one image URL of a request. */
export type ReadUrl = (text: string) => Promise<Uint8Array>;

/**
 * A reader for the URLs of one request, which share `timeout` from the first on, and `totalBytes`.
 * `now` in milliseconds.
 */
export function urlReader(source: UrlImageSource, totalBytes: number, now: () => number): ReadUrl {
  const { maxBytes, timeout } = source.limits;
  const shared = {
    late: (cause?: unknown) =>
      failed(`the URLs of this request took longer than ${timeout} ms together`, cause),
    large: () => tooLarge(totalBytes, 'the image URLs of a request together'),
  };
  let deadline: number | undefined;
  let left = totalBytes;
  return async (text) => {
    deadline ??= now() + timeout;
    const rest = { maxBytes: Math.min(maxBytes, left), timeout: deadline - now() };
    const refusals = left < maxBytes ? shared : { ...shared, large: () => tooLarge(maxBytes) };
    const bytes = await fetchImage(text, { ...source, limits: { ...source.limits, ...rest } }, refusals);
    left -= bytes.length;
    return bytes;
  };
}

/** How it is told that a limit was reached. */
interface Refusals {
  readonly late: (cause?: unknown) => InputError;
  readonly large: () => InputError;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * The bytes behind the URL, whatever they are: the decoder judges them. Nothing of the caller's request
 * is sent along. Throws InputError: `url_not_allowed` before any request that the policy forbids,
 * `url_not_fetched` for failures of the other side, `image_too_large` beyond `maxBytes`.
 */
export async function fetchImage(
  text: string,
  { policy, fetch, limits }: UrlImageSource,
  refusals: Refusals = {
    late: (cause) => failed(`it took longer than ${limits.timeout} ms`, cause),
    large: () => tooLarge(limits.maxBytes),
  },
): Promise<Uint8Array> {
  let url = checkImageUrl(text, policy);
  // Nothing is sent where there is no time or room for an answer.
  if (limits.timeout <= 0) throw refusals.late();
  if (limits.maxBytes <= 0) throw refusals.large();
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(), limits.timeout);
  try {
    for (let hop = 0; hop <= limits.maxRedirects; hop += 1) {
      const response = await untilAborted(request(url, fetch, clock.signal), clock.signal);
      if (!REDIRECTS.has(response.status))
        return await readBody(response, limits.maxBytes, clock.signal, refusals);
      await discard(response);
      url = nextHop(response, url, policy);
    }
    throw failed(`expected at most ${limits.maxRedirects} redirects but found more`);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    if (clock.signal.aborted) throw refusals.late(cause);
    throw failed('its host could not be reached', cause);
  } finally {
    clearTimeout(timer);
    clock.abort();
  }
}

function request(url: URL, fetch: FetchImage, signal: AbortSignal): Promise<Response> {
  return fetch(url, { redirect: 'manual', signal, headers: { accept: 'image/*', 'user-agent': 'vgg-edge' } });
}

function nextHop(response: Response, from: URL, policy: UrlPolicy): URL {
  const location = response.headers.get('location') ?? '';
  if (!URL.canParse(location, from.href)) throw failed('it redirects without a valid Location');
  // A backslash or a space would be mended by the parser before the policy could see it.
  const absolute = /^[a-z][a-z0-9+.-]*:/i.test(location) ? location : new URL(location, from).href;
  return checkImageUrl(absolute, policy);
}

/** Stops at the first byte too many, and before the first where the length is declared. */
async function readBody(
  response: Response,
  maxBytes: number,
  signal: AbortSignal,
  { large }: Refusals,
): Promise<Uint8Array> {
  if (response.status !== 200 || response.body === null) {
    await discard(response);
    throw failed(`expected status 200 but found ${response.status}`);
  }
  const declared = declaredLength(response.headers.get('content-length'));
  if (declared !== undefined && declared > maxBytes) {
    await discard(response);
    throw large();
  }
  const reader = response.body.getReader();
  const body = createByteCollector(declared);
  try {
    for (;;) {
      const { done, value } = await untilAborted(reader.read(), signal);
      if (done) return body.bytes();
      if (body.length + value.length > maxBytes) throw large();
      body.push(value);
    }
  } finally {
    // Ends the transfer where it was cut short; does nothing after the last byte. Not awaited, because a
    // stalled source may never answer.
    reader.cancel().catch(() => undefined);
  }
}

async function discard(response: Response): Promise<void> {
  response.body?.cancel().catch(() => undefined);
}

/** Rejects when the clock runs out even if the promise itself never settles. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('timed out'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function failed(why: string, cause?: unknown): InputError {
  return new InputError('url_not_fetched', `The image URL could not be fetched: ${why}.`, {
    param: 'input',
    cause,
  });
}

function tooLarge(maxBytes: number, where = 'the image URL'): InputError {
  return new InputError(
    'image_too_large',
    `Expected at most ${maxBytes} bytes behind ${where} but found more.`,
    { param: 'input' },
  );
}
