// The model directory in an R2 bucket: models that change without a deployment, or that no repository holds.

import { SourceError } from '../core/errors.ts';
import type { ModelFiles } from '../core/ports.ts';
import { sha256 } from './asset-files.ts';

/** The part of an R2 bucket that is used. */
export interface ModelBucket {
  get(key: string): Promise<{ readonly body: ReadableStream<Uint8Array> } | null>;
}

/** `prefix` is the model's folder in the bucket: the file is `<prefix>/<file>`. */
export function bucketFiles(bucket: ModelBucket, prefix: string): ModelFiles {
  return {
    async open(file) {
      const key = `${prefix}/${file}`;
      let object: Awaited<ReturnType<ModelBucket['get']>>;
      try {
        object = await bucket.get(key);
      } catch (cause) {
        throw new SourceError('unreachable', `The object ${key} could not be read from the bucket.`, {
          cause,
        });
      }
      if (object === null) {
        throw new SourceError('missing_file', `Expected the object ${key} in the bucket but found none.`);
      }
      return object.body;
    },
    sha256,
  };
}
