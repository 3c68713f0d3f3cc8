// One file of the disk, read whole within a limit. All sources of local files read by it.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { InputError, SourceError } from '../../core/errors.ts';

/** Errors of the machine or the network below it, which may pass. */
const PASSING: ReadonlySet<string> = new Set([
  'EIO',
  'EMFILE',
  'ENFILE',
  'EAGAIN',
  'ETIMEDOUT',
  'ESTALE',
  'EBUSY',
]);

/**
 * The bytes of a regular file. Throws InputError('image_too_large') before reading where it has more than
 * `maxBytes`, InputError('invalid_file') where it cannot be read, SourceError where trying again may help.
 */
export async function readImageFile(path: string, maxBytes: number): Promise<Uint8Array> {
  // Not blocking: a pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  try {
    return await readWhole(file, path, maxBytes);
  } catch (cause) {
    throw cause instanceof InputError || cause instanceof SourceError ? cause : fileError(path, cause);
  } finally {
    await file.close();
  }
}

async function readWhole(file: FileHandle, path: string, maxBytes: number): Promise<Uint8Array> {
  const found = await file.stat();
  if (!found.isFile())
    throw new InputError('invalid_file', `Expected a file at ${path} but found something else.`);
  if (found.size > maxBytes) throw tooLarge(path, maxBytes, found.size);
  const bytes = new Uint8Array(found.size);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

export function tooLarge(name: string, maxBytes: number, found: number): InputError {
  return new InputError(
    'image_too_large',
    `Expected at most ${maxBytes} bytes in ${name} but found ${found}.`,
  );
}

/** What a failed call of the file system means for the reader of `path`. */
export function fileError(
  path: string,
  cause: unknown,
  expected = 'a readable file',
): InputError | SourceError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason = code === 'ENOENT' ? 'there is none' : cause instanceof Error ? cause.message : String(cause);
  const message = `Expected ${expected} at ${path} but ${reason}.`;
  return PASSING.has(code)
    ? new SourceError('unreachable', message, { cause })
    : new InputError('invalid_file', message, { cause });
}
