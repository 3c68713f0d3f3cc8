// A file being written from its beginning to its end, every byte of what is given.

import { type FileHandle, open } from 'node:fs/promises';
import { writing } from '../durable-file.ts';

export interface OutputFile {
  append(bytes: Uint8Array): Promise<void>;
  /** Writes over what stands at the beginning. */
  rewriteStart(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Replaces a file of that name. Throws SourceError, as all its methods do, where the disk does not take it. */
export async function createOutputFile(path: string): Promise<OutputFile> {
  const attempt = <T>(call: () => Promise<T>) => writing(path, call);
  const file = await attempt(() => open(path, 'w'));
  let end = 0;
  return {
    append: (bytes) =>
      attempt(async () => {
        await writeAt(file, bytes, end);
        end += bytes.length;
      }),
    rewriteStart: (bytes) => attempt(() => writeAt(file, bytes, 0)),
    close: () => attempt(() => file.close()),
  };
}

/** One call may write a part only. */
async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}
