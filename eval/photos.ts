// Where a measurement starts: which photographs, and which class each shows.

import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { InputError } from '../core/errors.ts';
import { IMAGE_ENDINGS } from '../core/image.ts';

export interface Photo {
  readonly path: string;
  /** Below the folder, with `/`: how reports name it. */
  readonly name: string;
  /** The class folder's name, or what the table says; null where there is neither. */
  readonly className: string | null;
}

export interface PhotoChoice {
  /** A file of lines `photo<TAB>class…`, instead of class folders; further columns are ignored. */
  readonly table?: string;
  /** Measures so many, spread evenly over the sorted list: the same ones every time. */
  readonly limit?: number;
}

export interface ChosenPhotos {
  readonly photos: readonly Photo[];
  /** In the folder, before the choice. */
  readonly found: number;
}

/**
 * The photographs below a folder. Those in folders of it belong to the class of the outermost one; those
 * directly in it to none. Throws InputError where there are none, where only some have a class, and where
 * all have the same.
 */
export async function choosePhotos(
  folder: string,
  { table, limit }: PhotoChoice = {},
): Promise<ChosenPhotos> {
  const paths = await photoPaths(folder);
  const classes = table === undefined ? undefined : await readClassTable(table);
  const all = paths.flatMap((path): Photo[] => {
    const name = relative(folder, path).split(sep).join('/');
    if (classes === undefined) return [{ path, name, className: outermostFolder(name) }];
    const className = classes.get(name) ?? classes.get(basename(name));
    return className === undefined ? [] : [{ path, name, className }];
  });
  if (all.length === 0) {
    const found = paths.length === 0 ? 'none' : `none that ${table} lists`;
    throw invalid(`Expected photographs (.jpg, .png, .webp) in ${folder} but found ${found}.`);
  }
  checkClasses(all, folder);
  const count = Math.min(limit ?? all.length, all.length);
  const photos = Array.from({ length: count }, (_, index) => all[Math.floor((index * all.length) / count)]);
  return { photos: photos.filter((photo) => photo !== undefined), found: all.length };
}

async function photoPaths(folder: string): Promise<string[]> {
  let entries: Awaited<ReturnType<typeof readEntries>>;
  try {
    entries = await readEntries(folder);
  } catch (cause) {
    throw invalid(`Expected a folder of photographs at ${folder}: ${String(cause)}`, cause);
  }
  return entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && IMAGE_ENDINGS.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted((a, b) => (a < b ? -1 : 1));
}

function readEntries(folder: string) {
  return readdir(folder, { recursive: true, withFileTypes: true });
}

function outermostFolder(name: string): string | null {
  const slash = name.indexOf('/');
  return slash < 0 ? null : name.slice(0, slash);
}

async function readClassTable(path: string): Promise<ReadonlyMap<string, string>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw invalid(`Expected a table of photographs and classes at ${path}: ${String(cause)}`, cause);
  }
  const classes = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const [photo = '', className = ''] = line.split('\t').map((cell) => cell.trim());
    if (photo === '' || className === '') {
      throw invalid(
        `Expected a photograph and its class, separated by a tab, at ${path}, line ${index + 1} but found ${JSON.stringify(line)}.`,
      );
    }
    classes.set(photo, className);
  }
  return classes;
}

function checkClasses(photos: readonly Photo[], folder: string): void {
  const names = new Set(photos.map(({ className }) => className));
  if (names.has(null) && names.size > 1) {
    const stray = photos.find(({ className }) => className === null);
    throw invalid(
      `Expected all photographs of ${folder} in class folders, or none, but found ${stray?.name} beside folders.`,
    );
  }
  const [only] = names;
  if (names.size === 1 && only !== null) {
    throw invalid(
      `Expected at least two class folders in ${folder} but found one, '${only}'. To measure without classes, give that folder itself.`,
    );
  }
}

function invalid(message: string, cause?: unknown): InputError {
  return new InputError('invalid_argument', message, { param: '--images', cause });
}
