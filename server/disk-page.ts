// The page's files on a disk (scripts/stage-assets.ts puts them there), as the HTTP app reads them.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ReadableStream as WebStream } from 'node:stream/web';
import type { PageFiles } from '../worker/page-files.ts';

/** `directory` holds index.html. */
export function diskPageFiles(directory: string): PageFiles {
  return {
    async open(path) {
      const file = join(directory, path);
      const found = await stat(file).catch(() => undefined);
      if (found?.isFile() !== true) return undefined;
      return {
        etag: `"${found.size.toString(36)}-${found.mtimeMs.toString(36)}"`,
        body: WebStream.from(read(file)) as ReadableStream<Uint8Array>,
      };
    },
  };
}

/** Opened by the first read: the answer to HEAD, and 304, read nothing and would leave the file open. */
async function* read(file: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(file);
}
