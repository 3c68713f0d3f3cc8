// What is written on the command line → the source that it means.

import { stat } from 'node:fs/promises';
import { InputError } from '../../core/errors.ts';
import type { Source } from '../ports.ts';
import { openFolder, openGlob } from './folder.ts';
import { isGlob } from './glob.ts';
import { isList, type ListOptions, openList } from './list.ts';
import { isTar, openTars, type TarOptions } from './tar.ts';

export const SOURCES =
  'a folder, a glob ("photos/**/*.jpg"), a list (.txt, .jsonl, .csv, .tsv, .parquet), or tar files ("shards-{00..09}.tar")';

export interface SourceOptions extends ListOptions, TarOptions {}

/** Throws InputError for what is no source, SourceError for one that cannot be reached. */
export async function openSource(spec: string, options: SourceOptions = {}): Promise<Source> {
  const found = await stat(spec).catch(() => undefined);
  if (found?.isDirectory()) return openFolder(spec);
  if (isList(spec) && found !== undefined) return openList(spec, options);
  if (isTar(spec)) return openTars(spec, options);
  if (isGlob(spec)) return openGlob(spec);
  throw new InputError(
    'invalid_argument',
    `Expected ${SOURCES} as the source but found ${found === undefined ? 'nothing at ' : ''}'${spec}'.`,
  );
}
