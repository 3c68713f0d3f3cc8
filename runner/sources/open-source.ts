// What is written on the command line → the source that it means.

import { stat } from 'node:fs/promises';
import { InputError } from '../../core/errors.ts';
import type { Source } from '../ports.ts';
import { isGlob, openFolder, openGlob } from './folder.ts';

export const SOURCES = 'a folder, or a glob such as "photos/**/*.jpg"';

export interface SourceOptions {
  /** The column of a list that holds paths or URLs; by default the first of the usual names. */
  readonly column?: string;
}

/** Throws InputError for what is no source, SourceError for one that cannot be reached. */
export async function openSource(spec: string, _options: SourceOptions = {}): Promise<Source> {
  const found = await stat(spec).catch(() => undefined);
  if (found?.isDirectory()) return openFolder(spec);
  if (isGlob(spec)) return openGlob(spec);
  throw new InputError('invalid_argument', `Expected ${SOURCES} as the source but found '${spec}'.`);
}
