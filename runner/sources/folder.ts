// Images of a folder, or those that a glob matches; `photos/`, `photos/**/*.jpg`.

import { stat } from 'node:fs/promises';
import { join, posix, resolve } from 'node:path';
import { InputError } from '../../core/errors.ts';
import type { Source, SourceItem } from '../ports.ts';
import { brokenItem, refuseBroken } from './broken-item.ts';
import { fileError, IMAGE_ENDINGS, readImageFile } from './image-file.ts';
import { toItemId } from './item-id.ts';
import { sortedWalk } from './sorted-walk.ts';

const GLOB = /[*?[\]{}]/;

/** Ids are paths below the folder. Throws InputError where it is no folder. */
export async function openFolder(folder: string): Promise<Source> {
  return walkSource(folder, resolve(folder), {
    wants: (path) => IMAGE_ENDINGS.test(path),
    enters: () => true,
  });
}

export function isGlob(spec: string): boolean {
  return GLOB.test(spec);
}

/**
 * Ids are paths below the part before the first wildcard. A pattern whose last part has a dot takes every
 * file that it matches, any other takes images only. Throws InputError where that part is no folder.
 */
export async function openGlob(pattern: string): Promise<Source> {
  const parts = pattern.split('/');
  const fixed = parts.slice(0, parts.findIndex(isGlob));
  const glob = parts.slice(fixed.length).join('/');
  const folder = fixed.length === 0 ? '.' : `${fixed.join('/')}/`;
  const namesEnding = (parts.at(-1) ?? '').includes('.');
  return walkSource(pattern, resolve(folder), {
    wants: (path) => posix.matchesGlob(path, glob) && (namesEnding || IMAGE_ENDINGS.test(path)),
    enters: folderFilter(glob),
  });
}

/** Spares folders that nothing in them can match. Across `**`, or a `/` within braces, all may. */
function folderFilter(glob: string): (path: string) => boolean {
  if (/\*\*|\{[^}]*\//.test(glob)) return () => true;
  const parts = glob.split('/').slice(0, -1);
  return (path) => {
    const depth = path.split('/').length;
    return depth <= parts.length && posix.matchesGlob(path, parts.slice(0, depth).join('/'));
  };
}

interface Choice {
  readonly wants: (path: string) => boolean;
  readonly enters: (path: string) => boolean;
}

async function walkSource(name: string, root: string, { wants, enters }: Choice): Promise<Source> {
  const found = await stat(root).catch((cause: unknown) => {
    throw fileError(root, cause);
  });
  if (!found.isDirectory())
    throw new InputError('invalid_file', `Expected a folder at ${root} but found a file.`);
  return {
    name,
    async *list(): AsyncGenerator<SourceItem> {
      try {
        for await (const entry of sortedWalk(root, { enters })) {
          if (entry.kind === 'unreadable') {
            yield brokenItem(entry.path, fileError(join(root, entry.path), entry.cause).message);
          } else if (wants(entry.path)) {
            yield { id: toItemId(entry.path), location: join(root, entry.path), metadata: {} };
          }
        }
      } catch (cause) {
        throw fileError(root, cause);
      }
    },
    async read(item, maxBytes) {
      refuseBroken(item);
      return readImageFile(item.location, maxBytes);
    },
    async close() {},
  };
}
