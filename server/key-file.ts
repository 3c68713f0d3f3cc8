// The file of API keys, read again when it changes: keys are rotated without a restart.

import { readFileSync, statSync } from 'node:fs';
import { SourceError } from '../core/errors.ts';

/** How often the file's date is looked at, milliseconds. */
const PATIENCE = 1000;

/**
 * Gives the file's text. A file that cannot be read any more leaves the last text in force, and tells
 * `warn`: a slip while editing must neither open the API nor close it. Throws SourceError when the file
 * cannot be read the first time.
 */
export function keyFile(
  path: string,
  warn: (message: string) => void,
  now: () => number = Date.now,
): () => string {
  let text: string;
  let changed: number;
  try {
    changed = statSync(path).mtimeMs;
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SourceError(
      'missing_file',
      `Expected a readable file of API keys at ${path}: ${String(cause)}`,
      { cause },
    );
  }
  let looked = now();
  return () => {
    if (now() - looked < PATIENCE) return text;
    looked = now();
    try {
      const { mtimeMs } = statSync(path);
      if (mtimeMs !== changed) {
        text = readFileSync(path, 'utf8');
        changed = mtimeMs;
      }
    } catch (error) {
      warn(`The API keys at ${path} cannot be read; those read before stay in force: ${String(error)}`);
    }
    return text;
  };
}
