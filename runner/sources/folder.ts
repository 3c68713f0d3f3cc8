// Images of a folder, or those that a glob matches; `photos/`, `photos/**/*.jpg`.

import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { IMAGE_ENDINGS } from '../../core/image.ts';
import type { Source, SourceItem } from '../ports.ts';
import { brokenItem, refuseBroken } from './broken-item.ts';
import { type Glob, parseGlob } from './glob.ts';
import { fileError, readImageFile } from './image-file.ts';
import { toItemId } from './item-id.ts';
import { sortedWalk } from './sorted-walk.ts';

/** Ids are paths below the folder. Throws InputError where it is no folder. */
export function openFolder(folder: string): Promise<Source> {
  return walkSource(folder, {
    folder: resolve(folder),
    matches: (path) => IMAGE_ENDINGS.test(path),
    enters: () => true,
  });
}

/**
 * Ids are paths below the part before the first wildcard. A pattern whose last part has a dot takes every
 * file that it matches, any other takes images only. Throws InputError where that part is no folder.
 */
export function openGlob(pattern: string): Promise<Source> {
  const glob = parseGlob(pattern);
  const namesEnding = /\.[^/]*$/.test(pattern);
  const matches = (path: string) => glob.matches(path) && (namesEnding || IMAGE_ENDINGS.test(path));
  return walkSource(pattern, { ...glob, matches });
}

async function walkSource(name: string, glob: Glob): Promise<Source> {
  await checkFolder(glob.folder);
  return {
    name,
    async *list(): AsyncGenerator<SourceItem> {
      for await (const entry of globbedFiles(glob)) {
        const { path } = entry;
        if ('problem' in entry) yield brokenItem(path, entry.problem);
        else yield { id: toItemId(path), location: join(glob.folder, path), metadata: {} };
      }
    },
    async read(item, maxBytes) {
      refuseBroken(item);
      return readImageFile(item.location, maxBytes);
    },
    async close() {},
  };
}

/** Throws InputError where it is none, SourceError where it cannot be told. */
export async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((cause: unknown) => {
    throw fileError(folder, cause, 'a folder');
  });
  if (found.isDirectory()) return;
  throw new InputError('invalid_file', `Expected a folder at ${folder} but found a file.`);
}

/**
 * The files that match, in order of path, and a problem for each folder that cannot be read and each file whose
 * name is not UTF-8 but matches with its bytes written as `%E9`.
 */
export async function* globbedFiles({
  folder,
  matches,
  enters,
}: Glob): AsyncGenerator<{ path: string } | { path: string; problem: string }> {
  try {
    for await (const entry of sortedWalk(folder, { enters })) {
      const { path } = entry;
      if (entry.kind === 'unreadable' && (path.endsWith('/') || matches(path)))
        yield { path, problem: fileError(join(folder, path), entry.cause).message };
      else if (entry.kind === 'file' && matches(path)) yield { path };
    }
  } catch (cause) {
    throw fileError(folder, cause);
  }
}
