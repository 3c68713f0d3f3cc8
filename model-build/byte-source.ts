// Positional reads of a weight file, each checked against the file's size before anything is allocated.
// Every reader of this folder stands on it; tests put their own source below the readers.

import { open } from 'node:fs/promises';
import { InputError } from '../core/errors.ts';
import { invalidWeights } from './invalid-weights.ts';

/** Bytes that can be read at any position. */
export interface ByteSource {
  /** How messages call it: the path of a file. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Fills `target` with the bytes from `position` on; the range has been checked by the caller. */
  fill(target: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

/** Node reads at most 2³¹ − 1 bytes by one call. */
const MAX_READ = 1 << 30;

/** Opens a file. Throws InputError `not_found` for a missing one, `invalid_file` for what is not a file. */
export async function openFileSource(path: string): Promise<ByteSource> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new InputError(
      'not_found',
      `Expected a readable file at ${path} but found none: ${messageOf(cause)}.`,
      { param: path, cause },
    );
  });
  const status = await handle.stat();
  if (!status.isFile()) {
    await handle.close();
    const kind = status.isDirectory() ? 'a folder' : 'a special file';
    throw new InputError('invalid_file', `Expected a file at ${path} but found ${kind}.`, { param: path });
  }
  return {
    name: path,
    size: status.size,
    async fill(target, position) {
      let filled = 0;
      while (filled < target.length) {
        const length = Math.min(target.length - filled, MAX_READ);
        const { bytesRead } = await handle.read(target, filled, length, position + filled);
        if (bytesRead === 0) throw truncated(path, status.size, position + filled);
        filled += bytesRead;
      }
    },
    close: () => handle.close(),
  };
}

/**
 * Whether `length` bytes from `position` on lie within `size` bytes; false for anything that is not a
 * non-negative safe integer, so that no sum can overflow.
 */
export function isWithin(position: number, length: number, size: number): boolean {
  return (
    Number.isSafeInteger(position) &&
    Number.isSafeInteger(length) &&
    position >= 0 &&
    length >= 0 &&
    length <= size &&
    position <= size - length
  );
}

/** Reads `length` bytes of `what` at `position`. Throws InputError when the file does not hold them. */
export async function readBytes(
  source: ByteSource,
  position: number,
  length: number,
  what: string,
): Promise<Uint8Array> {
  if (!isWithin(position, length, source.size)) {
    const found = `the end of ${source.name} at ${source.size}`;
    throw invalidWeights(what, `${length} bytes at byte ${position}`, found);
  }
  const bytes = new Uint8Array(length);
  await source.fill(bytes, position);
  return bytes;
}

function truncated(path: string, size: number, position: number): InputError {
  return new InputError(
    'invalid_file',
    `Expected ${size} bytes in ${path} but found its end at ${position}: the file changed while it was read.`,
    { param: path },
  );
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
