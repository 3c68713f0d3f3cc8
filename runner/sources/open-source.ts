// What is written on the command line → the source that it means.

import { stat } from 'node:fs/promises';
import { InputError } from '../../core/errors.ts';
import { IMAGE_ENDINGS } from '../../core/image.ts';
import type { Source } from '../ports.ts';
import { bucketFiles, isBucket, openBucket } from './bucket.ts';
import {
  type BucketClient,
  type BucketClientOptions,
  createBucketClient,
  parseObjectUrl,
} from './bucket-client.ts';
import { openFolder, openGlob } from './folder.ts';
import { isGlob } from './glob.ts';
import { isList, type ListOptions, openList } from './list.ts';
import { createRemoteReader, type ReadRemote } from './remote-image.ts';
import { isTar, openTars } from './tar.ts';

export const SOURCES =
  'a folder, a glob ("photos/**/*.jpg"), a list (.txt, .jsonl, .csv, .tsv, .parquet), tar files ("shards-{00..09}.tar") ' +
  'or a bucket (s3://bucket/prefix)';

export interface SourceOptions extends ListOptions {
  readonly bucket?: BucketClientOptions;
}

/** Bytes read at once from a tar in a bucket, where each request takes long: some ten images. */
const BUCKET_WINDOW = 1 << 20;

/** Throws InputError for what is no source, SourceError for one that cannot be reached. */
export async function openSource(spec: string, options: SourceOptions = {}): Promise<Source> {
  if (isBucket(spec)) return openFromBucket(spec, options);
  const found = await stat(spec).catch(() => undefined);
  if (found?.isDirectory()) return openFolder(spec);
  if (isList(spec) && found !== undefined) {
    return openList(spec, { ...options, readRemote: options.readRemote ?? createUrlReader(options) });
  }
  if (isTar(spec)) return openTars(spec, options);
  if (isGlob(spec)) return openGlob(spec);
  if (/\.(tar\.\w+|tgz)$/i.test(spec)) {
    throw new InputError(
      'invalid_argument',
      `Expected tar files that are not compressed, since images are read where they lie in them, but found '${spec}'. Unpack its compression first (gunzip, zstd -d).`,
    );
  }
  throw new InputError(
    'invalid_argument',
    `Expected ${SOURCES} as the source but found ${found === undefined ? 'nothing at ' : ''}'${spec}'.${hintFor(spec)}`,
  );
}

async function openFromBucket(spec: string, options: SourceOptions): Promise<Source> {
  const client = createBucketClient(options.bucket);
  if (!isTar(spec)) return openBucket(spec, client);
  if (/[*?[\]]/.test(spec)) {
    throw new InputError(
      'invalid_argument',
      `Expected tar files of a bucket by braces, {00..09}, but found '${spec}'.`,
    );
  }
  return openTars(spec, {
    ...options,
    files: bucketFiles(client),
    window: BUCKET_WINDOW,
  });
}

/** For those who expect a little more of us. */
function hintFor(spec: string): string {
  if (/^(gs|r2|minio|b2):\/\//i.test(spec))
    return ' Give a bucket that speaks S3 as s3:// and its server as AWS_ENDPOINT_URL.';
  if (/^https?:/i.test(spec) || IMAGE_ENDINGS.test(spec)) return ' Single images go into a list.';
  return '';
}

/** Of a list: http:, https: and s3:. */
function createUrlReader({ bucket }: SourceOptions): ReadRemote {
  const readRemote = createRemoteReader();
  let client: BucketClient | undefined;
  return (url, maxBytes) => {
    if (!isBucket(url)) return readRemote(url, maxBytes);
    client ??= createBucketClient(bucket);
    return client.read(parseObjectUrl(url), maxBytes);
  };
}
