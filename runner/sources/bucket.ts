// Images of a bucket: `s3://bucket/prefix`, `s3://bucket/photos/**/*.jpg`.

import { posix } from 'node:path';
import { IMAGE_ENDINGS } from '../../core/image.ts';
import type { Source, SourceItem } from '../ports.ts';
import { type BucketClient, parseObjectUrl } from './bucket-client.ts';
import type { ByteFiles } from './byte-file.ts';
import { splitGlob } from './glob.ts';
import { toItemId } from './item-id.ts';

export function isBucket(spec: string): boolean {
  return /^s3:\/\//i.test(spec);
}

/**
 * Ids are keys below the last `/` before the prefix's end, or before the first wildcard. Throws InputError for
 * what is no bucket's name; that it is there is known when it is listed.
 */
export async function openBucket(url: string, client: BucketClient): Promise<Source> {
  const { bucket, key } = parseObjectUrl(url);
  const wildcard = key.search(/[*?[\]{}]/);
  const prefix = wildcard < 0 ? key : key.slice(0, wildcard);
  const { fixed, glob } =
    wildcard < 0 ? { fixed: prefix.slice(0, prefix.lastIndexOf('/') + 1), glob: '' } : splitGlob(key);
  const namesEnding = wildcard >= 0 && /\.[^/]*$/.test(glob);
  const wants = (id: string) =>
    (glob === '' || posix.matchesGlob(id, glob)) && (namesEnding || IMAGE_ENDINGS.test(id));
  return {
    name: url,
    async *list(): AsyncGenerator<SourceItem> {
      for await (const found of client.list({ bucket, key: prefix })) {
        const id = found.slice(fixed.length);
        if (wants(id)) yield { id: toItemId(id), location: `s3://${bucket}/${found}`, metadata: {} };
      }
    },
    read: (item, maxBytes) => client.read(parseObjectUrl(item.location), maxBytes),
    async close() {},
  };
}

/** Objects read in parts, by URL. Throws InputError, SourceError. */
export function bucketFiles(client: BucketClient): ByteFiles {
  const readPart: ByteFiles['readPart'] = async (url, offset, length) =>
    length === 0 ? new Uint8Array(0) : client.readRange(parseObjectUrl(url), offset, length);
  return {
    async open(url) {
      const size = await client.size(parseObjectUrl(url));
      return {
        size,
        read: async (offset, length) => (offset >= size ? new Uint8Array(0) : readPart(url, offset, length)),
        async close() {},
      };
    },
    readPart,
  };
}
