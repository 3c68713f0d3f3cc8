// A folder's files in order of name, folder by folder, in bounded memory: however many files lie in it.

import type { Dirent } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Names of one folder held at a time; a folder of more is read once for each so many. */
const MAX_NAMES = 200_000;

export type WalkEntry =
  /** Below the root, `/` between folders. */
  | { readonly kind: 'file'; readonly path: string }
  /** What a folder that cannot be read would hold is unknown, but must not go unseen. */
  | { readonly kind: 'unreadable'; readonly path: string; readonly cause: unknown };

export interface WalkOptions {
  /** Whether to look into the folder at this path below the root; all by default. */
  readonly enters?: (path: string) => boolean;
  readonly maxNames?: number;
}

interface Name {
  /** The name's bytes as Latin-1; a folder's ends with `/`, which sorts it as its files will be. */
  readonly key: string;
  /** Undefined where the bytes are no UTF-8. */
  readonly name: string | undefined;
  readonly folder: boolean;
}

/**
 * Files and links to files, ordered by the bytes of their paths; names that begin with a dot are left out.
 * Links to folders are followed, except into a folder that they lie in. Rejects where the root itself
 * cannot be read.
 */
export async function* sortedWalk(
  root: string,
  { enters = () => true, maxNames = MAX_NAMES }: WalkOptions = {},
): AsyncGenerator<WalkEntry> {
  yield* walkFolder(root, '', [await identity(root)], { enters, maxNames });
}

async function* walkFolder(
  root: string,
  prefix: string,
  trail: readonly string[],
  options: Required<WalkOptions>,
): AsyncGenerator<WalkEntry> {
  for await (const { key, name, folder } of sortedNames(join(root, prefix), options.maxNames)) {
    if (name === undefined) {
      const cause = new Error('its name is not UTF-8');
      yield { kind: 'unreadable', path: `${prefix}${escapeBytes(key)}`, cause };
      continue;
    }
    const path = `${prefix}${name}`;
    if (!folder) {
      yield { kind: 'file', path };
      continue;
    }
    if (!options.enters(path)) continue;
    try {
      const found = await identity(join(root, path));
      if (trail.includes(found)) continue;
      yield* walkFolder(root, `${path}/`, [...trail, found], options);
    } catch (cause) {
      yield { kind: 'unreadable', path: `${path}/`, cause };
    }
  }
}

/** The smallest names beyond the last one given, as many as may be held, until none is left. */
async function* sortedNames(folder: string, maxNames: number): AsyncGenerator<Name> {
  let last = '';
  for (;;) {
    let names: Name[] = [];
    let more = false;
    const keepSmallest = () => {
      names.sort((a, b) => (a.key < b.key ? -1 : 1));
      if (names.length <= maxNames) return;
      names = names.slice(0, maxNames);
      more = true;
    };
    for await (const entry of await opendir(folder, { bufferSize: 1024, encoding: 'latin1' })) {
      const name = decodeName(entry.name);
      const isFolder = await isFolderEntry(entry, join(folder, name ?? entry.name));
      if (isFolder === undefined) continue;
      const key = isFolder ? `${entry.name}/` : entry.name;
      if (key <= last) continue;
      names.push({ key, name, folder: isFolder });
      if (names.length >= 2 * maxNames) keepSmallest();
    }
    keepSmallest();
    yield* names;
    if (!more) return;
    last = names.at(-1)?.key ?? last;
  }
}

/** Undefined for what is neither: sockets, devices, hidden names. A link to nowhere counts as a file. */
async function isFolderEntry(entry: Dirent, path: string): Promise<boolean | undefined> {
  if (entry.name.startsWith('.')) return undefined;
  if (entry.isDirectory()) return true;
  if (entry.isFile()) return false;
  if (!entry.isSymbolicLink()) return undefined;
  const target = await stat(path).catch(() => undefined);
  if (target === undefined || target.isFile()) return false;
  return target.isDirectory() ? true : undefined;
}

async function identity(path: string): Promise<string> {
  const { dev, ino } = await stat(path, { bigint: true });
  return `${dev}:${ino}`;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

function decodeName(latin1: string): string | undefined {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  try {
    return UTF8.decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return undefined;
  }
}

/** `%E9` for each byte that is not ASCII. */
function escapeBytes(latin1: string): string {
  return latin1.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}
