// Fetching an image URL in Node: the name is resolved once, every address it has must be public, and the
// connection goes to exactly that address. A name that changes its mind between check and use (DNS
// rebinding) gains nothing.

import { lookup } from 'node:dns/promises';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { Readable } from 'node:stream';
import { isPublicAddress } from '../url-address.ts';
import type { FetchImage } from '../url-image.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

export interface PinnedFetchOptions {
  /** All addresses of a name; the system's resolver by default. */
  readonly resolve?: (host: string) => Promise<readonly ResolvedAddress[]>;
  /** Opens the connection; by default that of `node:https`, or of `node:http` for a plain URL. */
  readonly request?: (
    url: URL,
    options: RequestOptions,
    answered: (response: IncomingMessage) => void,
  ) => ClientRequest;
}

/** A FetchImage that rejects, before connecting, names with any address outside the public internet. */
export function pinnedFetch({
  resolve = resolveAll,
  request = requestOf,
}: PinnedFetchOptions = {}): FetchImage {
  return async (url, { signal, headers }) => {
    const addresses = await resolve(url.hostname);
    const [first] = addresses;
    const stray = addresses.find(({ address }) => !isPublicAddress(address));
    if (first === undefined || stray !== undefined) {
      throw new Error(
        `Expected only public addresses for ${url.hostname} but found ${stray?.address ?? 'none'}`,
      );
    }
    signal.throwIfAborted();
    return send(url, first, { signal, headers }, request);
  };
}

function send(
  url: URL,
  { address, family }: ResolvedAddress,
  options: { signal: AbortSignal; headers: Record<string, string> },
  request: NonNullable<PinnedFetchOptions['request']>,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        ...options,
        // A pooled connection could belong to another address of the same name.
        agent: false,
        lookup: (_host, { all }, found) =>
          all === true ? found(null, [{ address, family }]) : found(null, address, family),
      },
      (incoming) => {
        // Thrown here, in Node's callback, it would end the process.
        try {
          resolve(toResponse(incoming));
        } catch (cause) {
          incoming.destroy();
          reject(cause);
        }
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function toResponse(incoming: IncomingMessage): Response {
  const headers = new Headers();
  for (const name of ['location', 'content-length', 'content-type']) {
    const value = incoming.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  const { statusCode = 0 } = incoming;
  // Nothing else is a status, and a Response refuses it.
  const status = statusCode < 200 || statusCode > 599 ? 502 : statusCode;
  // A Response refuses a body with these; there is none to lose.
  const bodiless = status !== statusCode || status === 204 || status === 205 || status === 304;
  if (bodiless) incoming.resume();
  const body = bodiless ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>);
  return new Response(body, { status, headers });
}

const requestOf: NonNullable<PinnedFetchOptions['request']> = (url, options, answered) =>
  (url.protocol === 'http:' ? httpRequest : httpsRequest)(url, options, answered);

function resolveAll(host: string): Promise<ResolvedAddress[]> {
  return lookup(host, { all: true, verbatim: true });
}
