// Images behind URLs of a list. The list is the operator's, the addresses in it often are not: by default
// only public ones are called, so that no row reaches a service of the network the runner stands in.

import { InputError, SourceError } from '../../core/errors.ts';
import { pinnedFetch } from '../../net/node/pinned-fetch.ts';
import { type FetchImage, fetchImage } from '../../net/url-image.ts';

/** Milliseconds for one image, redirects and body included. */
const TIMEOUT = 30_000;
const MAX_REDIRECTS = 3;
/** Statuses that a later try may not meet again. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Any public host, by https or http. */
const POLICY = { allowedHosts: ['*'], plainHttp: true };

export type ReadRemote = (url: string, maxBytes: number) => Promise<Uint8Array>;

/**
 * Throws InputError for what will not get better (`url_not_allowed`, `url_not_fetched`, `image_too_large`),
 * SourceError where trying again may help: no connection, time-out, a server that is busy.
 */
export function createRemoteReader(fetch: FetchImage = pinnedFetch(), timeout = TIMEOUT): ReadRemote {
  const fetchOrFail: FetchImage = async (url, init) => {
    const response = await fetch(url, init);
    if (!PASSING.has(response.status)) return response;
    response.body?.cancel().catch(() => undefined);
    throw new Error(`${url.host} answered ${response.status}`);
  };
  return async (url, maxBytes) => {
    const limits = { maxBytes, timeout, maxRedirects: MAX_REDIRECTS };
    try {
      return await fetchImage(url, { policy: POLICY, fetch: fetchOrFail, limits });
    } catch (error) {
      // What came of no answer has a cause; what a server answered has none.
      if (!(error instanceof InputError) || !(error.cause instanceof Error)) throw error;
      throw new SourceError('unreachable', `${error.message} (${error.cause.message})`, { cause: error });
    }
  };
}
