// Bytes that are read at any place: a file of the disk or an object of a bucket, so that archives are read
// without being unpacked.

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { InputError } from '../../core/errors.ts';
import { fileError } from './image-file.ts';

export interface ByteFile {
  readonly size: number;
  /** Fewer bytes only at the end. Throws InputError or SourceError. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Where such files lie. */
export interface ByteFiles {
  open(path: string): Promise<ByteFile>;
  /** As `read` of the opened file, where nothing else of it is wanted. */
  readPart(path: string, offset: number, length: number): Promise<Uint8Array>;
}

/** The files of the disk. */
export const ON_DISK: ByteFiles = {
  open: openDiskFile,
  async readPart(path, offset, length) {
    const file = await openDiskFile(path);
    try {
      return await file.read(offset, length);
    } finally {
      await file.close();
    }
  },
};

/** Throws InputError where there is no file to read, SourceError where trying again may help. */
async function openDiskFile(path: string): Promise<ByteFile> {
  const guard = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (cause) {
      throw fileError(path, cause);
    }
  };
  const file = await guard(() => open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  const found = await guard(() => file.stat());
  if (!found.isFile()) {
    await file.close();
    throw new InputError('invalid_file', `Expected a file at ${path} but found something else.`);
  }
  return {
    size: found.size,
    read: (offset, length) =>
      guard(async () => {
        const bytes = new Uint8Array(length);
        let filled = 0;
        while (filled < length) {
          const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return bytes.subarray(0, filled);
      }),
    close: () => file.close(),
  };
}

/** Reads ahead, for many small reads that go forward. */
export function readAhead(file: ByteFile, window: number): ByteFile['read'] {
  let start = 0;
  let held = new Uint8Array(0);
  return async (offset, length) => {
    if (offset < start || offset + length > start + held.length) {
      held = new Uint8Array(await file.read(offset, Math.max(window, length)));
      start = offset;
    }
    return held.subarray(offset - start, offset - start + length);
  };
}
