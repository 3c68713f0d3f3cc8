// The page's files on a disk (scripts/stage-assets.ts puts them there), as the HTTP app reads them.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
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
        body: Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>,
      };
    },
  };
}
