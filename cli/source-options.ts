// The options that say which images a command takes, for `embed` and `reindex`.

import { resolve } from 'node:path';
import type { RecordedSource } from '../runner/open-work.ts';
import { type Option, text, type Values } from './command.ts';

export const SOURCE_OPTIONS: Readonly<Record<'column' | 'id-column' | 'metadata-columns', Option>> = {
  column: { type: 'string', value: 'NAME', description: 'of a list: the column with the paths or URLs' },
  'id-column': { type: 'string', value: 'NAME', description: 'of a list: the column with the ids' },
  'metadata-columns': {
    type: 'string',
    value: 'NAMES',
    description: 'of a list or tar files: the fields that are kept, with commas between (default: all)',
  },
};

export function readSource(spec: string, values: Values): RecordedSource {
  return {
    source: absolutePlace(spec),
    column: text(values, 'column') ?? null,
    idColumn: text(values, 'id-column') ?? null,
    metadataColumns: text(values, 'metadata-columns')?.split(',') ?? null,
  };
}

/** Other machines, and the same command from another folder, must find it. URLs stay as they are. */
export function absolutePlace(spec: string): string {
  return /^[a-z][a-z0-9+.-]*:/i.test(spec) ? spec : resolve(spec);
}
