// The file of API keys, read again when it changes: keys are rotated without a restart.

import { readFileSync, statSync } from 'node:fs';
import { InputError, SourceError } from '../core/errors.ts';
import { parseApiKeys } from '../worker/api-keys.ts';

/** How often the file's date is looked at, milliseconds. */
const PATIENCE = 1000;

/**
 * Gives the file's text. A file that cannot be read any more, is malformed or has no key leaves the last
 * text in force, and tells `warn`, once for each reason: a slip while editing must neither open the API nor close it. Throws the
 * first time: SourceError when the file cannot be read, InputError when it has no key or is malformed.
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
  checkKeys(text, path);
  let looked = now();
  let warned = '';
  return () => {
    if (now() - looked < PATIENCE) return text;
    looked = now();
    try {
      const { mtimeMs } = statSync(path);
      if (mtimeMs !== changed) {
        const next = readFileSync(path, 'utf8');
        checkKeys(next, path);
        // Only now: a file that could not be read is tried again, though its date stays.
        text = next;
        changed = mtimeMs;
      }
      warned = '';
    } catch (error) {
      const reason = String(error);
      if (reason !== warned) {
        warn(`The API keys at ${path} cannot be used; those read before stay in force: ${reason}`);
      }
      warned = reason;
    }
    return text;
  };
}

/** No keys at all would switch them off. */
function checkKeys(text: string, path: string): void {
  if (parseApiKeys(text).length > 0) return;
  throw new InputError(
    'invalid_file',
    `Expected at least one key in ${path} but found none. Make one with 'vgg-edge key NAME >> ${path}'.`,
    { param: 'keys' },
  );
}
