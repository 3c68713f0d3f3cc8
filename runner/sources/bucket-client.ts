// Objects of S3-compatible buckets: Amazon S3, Cloudflare R2, MinIO, Ceph.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html

import { setTimeout as wait } from 'node:timers/promises';
import { createByteCollector, declaredLength } from '../../core/byte-collector.ts';
import { InputError, SourceError } from '../../core/errors.ts';
import { type Environment, readBucketEnvironment } from './bucket-environment.ts';
import { parseListing } from './bucket-listing.ts';
import { tooLarge } from './image-file.ts';

/** `s3://BUCKET/KEY`. */
export interface ObjectPlace {
  readonly bucket: string;
  /** Without the `/` after the bucket; may be empty. */
  readonly key: string;
}

export interface BucketClient {
  /** Keys in the order of their UTF-8 bytes, a thousand a request. */
  list(prefix: ObjectPlace): AsyncIterable<string>;
  /** Throws InputError('image_too_large') beyond `maxBytes`, before holding more. */
  read(place: ObjectPlace, maxBytes: number): Promise<Uint8Array>;
  /** `length` bytes from `offset` on, fewer only at the end. */
  readRange(place: ObjectPlace, offset: number, length: number): Promise<Uint8Array>;
  /** Throws SourceError where the server does not say. */
  size(place: ObjectPlace): Promise<number>;
}

export interface BucketClientOptions {
  /** Of the server and its keys: bucket-environment.ts. */
  readonly environment?: Environment;
  readonly fetch?: typeof fetch;
  /** Milliseconds for one request with its body. */
  readonly timeout?: number;
  /** Milliseconds before the first repetition of a listing's request; doubles with each. */
  readonly pause?: number;
}

const TIMEOUT = 60_000;
const PAUSE = 500;
const LISTING_TRIES = 5;
/** Bytes of an answer that is XML: a page of 1000 keys of 1024 bytes, each escaped. */
const MAX_XML = 8 << 20;

export function parseObjectUrl(url: string): ObjectPlace {
  const [, bucket, key = ''] = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,62})(?:\/(.*))?$/s.exec(url) ?? [];
  if (bucket !== undefined) return { bucket, key };
  throw new InputError('invalid_argument', `Expected s3://BUCKET/PREFIX but found '${url}'.`);
}

/** Throws InputError for an environment that names half of what is needed. */
export function createBucketClient({
  environment = process.env,
  fetch = globalThis.fetch,
  timeout = TIMEOUT,
  pause = PAUSE,
}: BucketClientOptions = {}): BucketClient {
  const { endpoint, sign } = readBucketEnvironment(environment);

  /** Throws as `read` does; a request that fails on its way may be made again. */
  const request = async (
    { bucket, key }: ObjectPlace,
    {
      method = 'GET',
      query = '',
      headers = {},
    }: { method?: string; query?: string; headers?: Record<string, string> },
  ): Promise<Response> => {
    const name = `s3://${bucket}/${key}`;
    const path = `/${bucket}${key === '' ? '' : `/${key.split('/').map(encode).join('/')}`}`;
    const url = new URL(`${endpoint}${path}${query}`);
    // Segments of dots would be resolved and lead to another object.
    if (!url.pathname.endsWith(path)) {
      throw new InputError('invalid_file', `Expected no '.' or '..' between the slashes of ${name}.`);
    }
    let response: Response;
    try {
      const init = { method, headers, signal: AbortSignal.timeout(timeout) };
      response = await fetch(sign === undefined ? new Request(url, init) : await sign(url, init));
    } catch (cause) {
      throw new SourceError('unreachable', `${endpoint} did not answer for ${name}: ${reasonOf(cause)}`, {
        cause,
      });
    }
    if (response.ok) return response;
    throw await refusal(name, response, sign === undefined);
  };

  return {
    async *list(prefix) {
      let token: string | undefined;
      do {
        const query = {
          'list-type': '2',
          'encoding-type': 'url',
          prefix: prefix.key,
          ...(token === undefined ? {} : { 'continuation-token': token }),
        };
        const page = await repeatedly(LISTING_TRIES, pause, async () => {
          const place = { bucket: prefix.bucket, key: '' };
          const response = await request(place, { query: toQuery(query) });
          return parseListing(
            new TextDecoder().decode(await bodyOf(response, MAX_XML, `s3://${prefix.bucket}`)),
          );
        });
        yield* page.keys;
        token = page.next;
      } while (token !== undefined);
    },

    async read(place, maxBytes) {
      const response = await request(place, {});
      return bodyOf(response, maxBytes, `s3://${place.bucket}/${place.key}`);
    },

    async readRange(place, offset, length) {
      const name = `s3://${place.bucket}/${place.key}`;
      const headers = { range: `bytes=${offset}-${offset + length - 1}` };
      const response = await request(place, { headers });
      if (response.status === 206) return bodyOf(response, length, name);
      response.body?.cancel().catch(() => undefined);
      throw new InputError('invalid_file', `Expected a part of ${name} but the server gives it whole.`);
    },

    async size(place) {
      const response = await request(place, { method: 'HEAD' });
      const length = response.headers.get('content-length');
      if (length !== null) return Number(length);
      throw new SourceError(
        'unreachable',
        `Expected the size of s3://${place.bucket}/${place.key} but ${endpoint} answers without a content-length.`,
      );
    },
  };
}

/** RFC 3986: only unreserved characters stay. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function toQuery(values: Readonly<Record<string, string>>): string {
  return `?${Object.entries(values)
    .map(([name, value]) => `${name}=${encode(value)}`)
    .join('&')}`;
}

/** What the server says, as the error for whoever can do something about it. */
async function refusal(
  name: string,
  response: Response,
  unsigned: boolean,
): Promise<InputError | SourceError> {
  const text = await bodyOf(response, MAX_XML, name).then(
    (bytes) => new TextDecoder().decode(bytes),
    () => '',
  );
  const said = /<Message>([^<]*)<\/Message>/.exec(text)?.[1] ?? '';
  const region = response.headers.get('x-amz-bucket-region');
  const hint =
    response.status === 301 && region !== null
      ? ` Set AWS_REGION=${region}.`
      : unsigned && (response.status === 401 || response.status === 403)
        ? ' The request had no signature: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.'
        : '';
  const message =
    `Expected to read ${name} but the server answered ${response.status}. ${said}${hint}`.trim();
  const passing = response.status >= 500 || response.status === 429 || response.status === 408;
  return passing ? new SourceError('unreachable', message) : new InputError('invalid_file', message);
}

async function bodyOf(response: Response, maxBytes: number, name: string): Promise<Uint8Array> {
  const declared = declaredLength(response.headers.get('content-length'));
  try {
    if (declared !== undefined && declared > maxBytes) throw tooLarge(name, maxBytes, declared);
    const collector = createByteCollector(declared);
    for await (const chunk of response.body ?? []) {
      const bytes = collector.length + chunk.length;
      if (bytes > maxBytes) throw tooLarge(name, maxBytes, bytes);
      collector.push(chunk);
    }
    return collector.bytes();
  } catch (cause) {
    if (cause instanceof InputError) {
      await response.body?.cancel().catch(() => undefined);
      throw cause;
    }
    throw new SourceError('unreachable', `The transfer of ${name} broke off: ${reasonOf(cause)}`, { cause });
  }
}

/** Again after a pause that doubles, where trying again may help. */
async function repeatedly<T>(tries: number, pause: number, call: () => Promise<T>): Promise<T> {
  for (let left = tries - 1; ; left -= 1) {
    try {
      return await call();
    } catch (error) {
      if (left === 0 || !(error instanceof SourceError)) throw error;
      await wait(pause * 2 ** (tries - 1 - left));
    }
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message} (${cause.cause.message})` : cause.message;
}
