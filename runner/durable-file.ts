// Files that are there whole or not at all, and stay after power is lost: written under another name, synced,
// renamed, and the folder synced.

import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SourceError } from '../core/errors.ts';

/** A file of a shard, as its marker lists it. */
export interface FileDigest {
  readonly file: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Throws what the call throws as a SourceError that names the file: the disk may be full, or not writable. */
export async function writing<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
    throw new SourceError('unreachable', `Expected to write ${path} but could not: ${cause.message}`, {
      cause,
    });
  }
}

/** Replaces what is there. What a killed process leaves half written stays in `work`, on the same disk. */
export async function writeDurably(
  path: string,
  content: string | Iterable<string> | AsyncIterable<string>,
  { work }: { readonly work: string },
): Promise<void> {
  const temporary = join(work, `${basename(path)}-${randomUUID()}`);
  try {
    await writing(path, async () => {
      await writeFile(temporary, content, { flush: true });
      await rename(temporary, path);
    });
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Syncs the file and moves it into `folder`, which is not synced: many files share that. */
export async function moveDurably(path: string, folder: string): Promise<void> {
  const target = join(folder, basename(path));
  await writing(target, async () => {
    const file = await open(path, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(path, target);
  });
}

/** The names in a folder survive only once the folder itself is on the disk. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows has no such thing, and needs none.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function digestFile(path: string): Promise<FileDigest> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    if (!(chunk instanceof Uint8Array)) continue;
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { file: basename(path), bytes, sha256: hash.digest('hex') };
}
