// Shards in JSON Lines: one object a row, for tools that read nothing else.

import { join } from 'node:path';
import { float32ToNumbers } from '../../core/encodings.ts';
import type { Output, OutputOptions } from '../ports.ts';
import { createOutputFile } from './output-file.ts';
import { type StoredRow, toStoredRow } from './stored-row.ts';

/** `NAME.jsonl`: id, vector, scale for int8, sha256, metadata. float32 is written so that it comes back exactly. */
export function createJsonlOutput({ dtype }: OutputOptions): Output {
  return {
    refusesZeros: false,
    async begin(folder, name) {
      const file = await createOutputFile(`${join(folder, name)}.jsonl`);
      return {
        async write(rows) {
          const lines = rows.map((row) => `${JSON.stringify(toRecord(toStoredRow(row, dtype)))}\n`);
          await file.append(Buffer.from(lines.join('')));
        },
        finish: () => file.close(),
        abandon: () => file.close(),
      };
    },
    async close() {},
  };
}

function toRecord({ id, values, scale, sha256, metadata }: StoredRow): object {
  const vector = values instanceof Float32Array ? float32ToNumbers(values) : Array.from(values);
  return { id, vector, ...(scale === undefined ? {} : { scale }), sha256, metadata };
}
