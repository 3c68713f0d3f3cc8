// A shard that is held in memory until it is complete, for formats whose columns are known only then.

import { join } from 'node:path';
import type { Output, OutputOptions } from '../ports.ts';
import { createOutputFile } from './output-file.ts';
import { type StoredRow, toStoredRow } from './stored-row.ts';

/** `path` is without its ending. */
type WriteShard = (path: string, rows: readonly StoredRow[], options: OutputOptions) => Promise<void>;

/** Memory: the vectors of the shards that are open, and what `write` needs. */
export function createHeldOutput(ending: string, options: OutputOptions, write: WriteShard): Output {
  return {
    refusesZeros: false,
    async begin(folder, name) {
      const path = `${join(folder, name)}.${ending}`;
      // A disk that does not take it is told at the beginning.
      await (await createOutputFile(path)).close();
      const held: StoredRow[] = [];
      return {
        async write(rows) {
          for (const row of rows) held.push(toStoredRow(row, options.dtype));
        },
        finish: () => write(path, held, options),
        async abandon() {
          held.length = 0;
        },
      };
    },
    async close() {},
  };
}
