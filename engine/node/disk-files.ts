// The model directory on a disk, as engines read it.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { SourceError } from '../../core/errors.ts';
import type { ModelFiles } from '../../core/ports.ts';

/** Reading in pieces of a megabyte keeps the cost per piece out of sight. */
const CHUNK = 1024 * 1024;

export function diskFiles(directory: string): ModelFiles {
  return {
    async open(file) {
      return chunks(join(directory, file));
    },
    sha256() {
      const hash = createHash('sha256');
      return {
        update: (bytes) => {
          hash.update(bytes);
        },
        hex: async () => hash.digest('hex'),
      };
    },
  };
}

async function* chunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
      if (chunk instanceof Uint8Array) yield chunk;
    }
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw new SourceError(
      missing ? 'missing_file' : 'unreachable',
      missing
        ? `Expected a file at ${path} but found none.`
        : `Expected a readable file at ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
