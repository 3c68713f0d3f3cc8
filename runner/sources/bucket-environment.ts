// The environment's word on buckets: which server, and the keys that aws4fetch signs requests with. Without keys
// they go unsigned, as public buckets want them.

import { AwsClient } from 'aws4fetch';
import { InputError } from '../../core/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface BucketEnvironment {
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** Undefined without keys. */
  readonly sign: ((url: URL, init: RequestInit) => Promise<Request>) | undefined;
}

/**
 * AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL (Amazon's by default), AWS_REGION or AWS_DEFAULT_REGION,
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; empty is as good as not set. Throws InputError for
 * an endpoint that is no URL, and for half a pair of keys.
 */
export function readBucketEnvironment(environment: Environment): BucketEnvironment {
  const region = environment.AWS_REGION || environment.AWS_DEFAULT_REGION || 'us-east-1';
  const given = environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL;
  const endpoint = (given || `https://s3.${region}.amazonaws.com`).replace(/\/+$/, '');
  if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) {
    throw new InputError(
      'invalid_argument',
      `Expected AWS_ENDPOINT_URL as https://HOST or http://HOST:PORT but found '${endpoint}'.`,
    );
  }
  const accessKeyId = environment.AWS_ACCESS_KEY_ID || undefined;
  const secretAccessKey = environment.AWS_SECRET_ACCESS_KEY || undefined;
  const sessionToken = environment.AWS_SESSION_TOKEN || undefined;
  if (accessKeyId === undefined && secretAccessKey === undefined) return { endpoint, sign: undefined };
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const found = accessKeyId === undefined ? 'AWS_SECRET_ACCESS_KEY' : 'AWS_ACCESS_KEY_ID';
    throw new InputError(
      'invalid_argument',
      `Expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither for a public bucket, but found only ${found}.`,
    );
  }
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    region,
    service: 's3',
  });
  return { endpoint, sign: (url, init) => client.sign(url.href, init) };
}
