// Objects of S3-compatible buckets: Amazon S3, Cloudflare R2, MinIO, Ceph. Requests are signed by aws4fetch;
// without keys they go unsigned, as public buckets want them.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html

import { setTimeout as wait } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import { InputError, SourceError } from '../../core/errors.ts';
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
  /**
   * AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL (Amazon's by default), AWS_REGION or AWS_DEFAULT_REGION,
   * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
   */
  readonly environment?: Readonly<Record<string, string | undefined>>;
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

export function createBucketClient({
  environment = process.env,
  fetch = globalThis.fetch,
  timeout = TIMEOUT,
  pause = PAUSE,
}: BucketClientOptions = {}): BucketClient {
  const region = environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? 'us-east-1';
  const endpoint =
    environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL ?? `https://s3.${region}.amazonaws.com`;
  const signer = createSigner(environment, region);

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
    const url = new URL(`${endpoint.replace(/\/+$/, '')}${path}${query}`);
    // Segments of dots would be resolved and lead to another object.
    if (!url.pathname.endsWith(path)) {
      throw new InputError('invalid_file', `Expected no '.' or '..' between the slashes of ${name}.`);
    }
    let response: Response;
    try {
      const signed = await signer(url, { method, headers, signal: AbortSignal.timeout(timeout) });
      response = await fetch(signed);
    } catch (cause) {
      throw new SourceError('unreachable', `${endpoint} did not answer for ${name}: ${reasonOf(cause)}`, {
        cause,
      });
    }
    if (response.ok) return response;
    throw await refusal(name, response);
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

type Sign = (url: URL, init: RequestInit) => Promise<Request>;

function createSigner(environment: NonNullable<BucketClientOptions['environment']>, region: string): Sign {
  const accessKeyId = environment.AWS_ACCESS_KEY_ID;
  const secretAccessKey = environment.AWS_SECRET_ACCESS_KEY;
  if (accessKeyId === undefined || secretAccessKey === undefined)
    return async (url, init) => new Request(url, init);
  const sessionToken = environment.AWS_SESSION_TOKEN;
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    region,
    service: 's3',
  });
  return (url, init) => client.sign(url.href, init);
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
async function refusal(name: string, response: Response): Promise<InputError | SourceError> {
  const text = await bodyOf(response, MAX_XML, name).then(
    (bytes) => new TextDecoder().decode(bytes),
    () => '',
  );
  const said = /<Message>([^<]*)<\/Message>/.exec(text)?.[1] ?? '';
  const region = response.headers.get('x-amz-bucket-region');
  const hint = response.status === 301 && region !== null ? ` Set AWS_REGION=${region}.` : '';
  const message =
    `Expected to read ${name} but the server answered ${response.status}. ${said}${hint}`.trim();
  const passing = response.status >= 500 || response.status === 429 || response.status === 408;
  return passing ? new SourceError('unreachable', message) : new InputError('invalid_file', message);
}

async function bodyOf(response: Response, maxBytes: number, name: string): Promise<Uint8Array> {
  const declared = Number(response.headers.get('content-length') ?? 0);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    if (declared > maxBytes) throw tooLarge(name, maxBytes, declared);
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(name, maxBytes, bytes);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof InputError) {
      await response.body?.cancel().catch(() => undefined);
      throw cause;
    }
    throw new SourceError('unreachable', `The transfer of ${name} broke off: ${reasonOf(cause)}`, { cause });
  }
  return new Uint8Array(Buffer.concat(chunks));
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
