// What is written on the command line → the source that it means.

import { stat } from 'node:fs/promises';
import { InputError } from '../../core/errors.ts';
import type { Source } from '../ports.ts';
import { isGlob, openFolder, openGlob } from './folder.ts';
import { isList, type ListOptions, openList } from './list.ts';

export const SOURCES =
  'a folder, a glob such as "photos/**/*.jpg", or a list (.txt, .jsonl, .csv, .tsv, .parquet)';

export interface SourceOptions extends ListOptions {}

/** Throws InputError for what is no source, SourceError for one that cannot be reached. */
export async function openSource(spec: string, options: SourceOptions = {}): Promise<Source> {
  const found = await stat(spec).catch(() => undefined);
  if (found?.isDirectory()) return openFolder(spec);
  if (isList(spec) && found !== undefined) return openList(spec, options);
  if (isGlob(spec)) return openGlob(spec);
  throw new InputError(
    'invalid_argument',
    `Expected ${SOURCES} as the source but found ${found === undefined ? 'nothing at ' : ''}'${spec}'.`,
  );
}
