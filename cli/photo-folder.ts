// The photographs below a folder, named as indexes and reports name them.

import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { InputError } from '../core/errors.ts';

export interface PhotoFile {
  readonly path: string;
  /** Below the folder, with `/` between names. */
  readonly name: string;
}

const ENDINGS = /\.(jpe?g|png|webp)$/i;

/** In order of name. Throws InputError where the folder cannot be read or holds none. */
export async function listPhotoFiles(folder: string): Promise<PhotoFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new InputError('invalid_file', `Expected a folder of photographs at ${folder}: ${String(cause)}`, {
      cause,
    });
  });
  const files = entries
    .filter((entry) => entry.isFile() && ENDINGS.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, name: relative(folder, path).split(sep).join('/') }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (files.length > 0) return files;
  throw new InputError(
    'invalid_file',
    `Expected photographs (.jpg, .png, .webp) in ${folder} but found none.`,
  );
}
