// Patterns over paths: `photos/**/*.jpg`, `shards/part-*.tar`, `{cats,dogs}/*`.

import { posix, resolve } from 'node:path';

const WILDCARD = /[*?[\]{}]/;

export interface Glob {
  /** Absolute; the part before the first wildcard. */
  readonly folder: string;
  /** Of a path below the folder. */
  readonly matches: (path: string) => boolean;
  /** Whether a folder below the folder may hold what matches. */
  readonly enters: (path: string) => boolean;
}

export function isGlob(pattern: string): boolean {
  return WILDCARD.test(pattern);
}

export function parseGlob(pattern: string): Glob {
  const { fixed, glob } = splitGlob(pattern);
  return {
    folder: resolve(fixed === '' ? '.' : fixed),
    matches: (path) => posix.matchesGlob(path, glob),
    enters: folderFilter(glob),
  };
}

/** `fixed` ends with `/`, or is empty. */
export function splitGlob(pattern: string): { fixed: string; glob: string } {
  const wildcard = pattern.search(WILDCARD);
  const end = pattern.lastIndexOf('/', wildcard < 0 ? pattern.length : wildcard) + 1;
  return { fixed: pattern.slice(0, end), glob: pattern.slice(end) };
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
