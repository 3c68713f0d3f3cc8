// A directory that appears whole or not at all: written beside its place, then renamed into it.

import { chmod, mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '../core/errors.ts';
import { temporaryFolder } from './temporary-folder.ts';

/**
 * Calls `write` with an empty folder and renames it to `target` when it returns. Throws InputError when
 * `target` exists and `force` is false, or appears meanwhile; whatever `write` throws leaves `target` as it was.
 */
export async function replaceDirectory<Result>(
  target: string,
  force: boolean,
  write: (directory: string) => Promise<Result>,
): Promise<Result> {
  const place = resolve(target);
  await checkTarget(place, force);
  await mkdir(dirname(place), { recursive: true });
  await using building = await temporaryFolder(join(dirname(place), `.${basename(place)}-building-`));
  const retired = `${building.path}-replaced`;
  try {
    // A temporary folder is its owner's alone; a model is for everybody who may read the place.
    await chmod(building.path, 0o755);
    const result = await write(building.path);
    // Another process may have been quicker.
    await checkTarget(place, force);
    if (await exists(place)) await rename(place, retired);
    await rename(building.path, place);
    return result;
  } finally {
    if (!(await exists(place)) && (await exists(retired))) await rename(retired, place);
    await rm(retired, { recursive: true, force: true });
  }
}

/** Throws InputError when the target cannot be written to; called early, before a long build. */
export async function checkTarget(target: string, force: boolean): Promise<void> {
  const found = await stat(target).catch(() => undefined);
  if (found === undefined || (force && found.isDirectory())) return;
  throw new InputError(
    'invalid_argument',
    found.isDirectory()
      ? `Expected no directory at ${target} but found one. Remove it, or give --force to replace it.`
      : `Expected a directory or nothing at ${target} but found a file.`,
    { param: 'out' },
  );
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
