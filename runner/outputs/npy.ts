// Shards of `.npy` vectors, which numpy maps into memory, with what belongs to each row in Parquet beside them.

import { join } from 'node:path';
import { encodeNpyHeader, type NpyDtype } from '../../core/npy.ts';
import type { VectorDtype } from '../../core/quantise-vector.ts';
import type { Output, OutputOptions, ShardWriter } from '../ports.ts';
import { createOutputFile } from './output-file.ts';
import { factColumns, writeParquetFile } from './parquet-file.ts';
import { joinValues, type RowFacts, storedWidth, toStoredRow } from './stored-row.ts';

const NPY_DTYPES: Readonly<Record<VectorDtype, NpyDtype>> = {
  float32: 'float32',
  int8: 'int8',
  binary: 'uint8',
};
const ROWS_PER_GROUP = 10_000;

/** `NAME.npy`: [rows, values]; `NAME.parquet`: id, sha256, metadata, the row's place being the vector's. */
export function createNpyOutput(options: OutputOptions): Output {
  return {
    refusesZeros: false,
    begin: (folder, name) => beginShard(join(folder, name), options),
    async close() {},
  };
}

async function beginShard(path: string, options: OutputOptions): Promise<ShardWriter> {
  const width = storedWidth(options);
  const headerOf = (rows: number) => encodeNpyHeader(NPY_DTYPES[options.dtype], [rows, width]);
  const vectors = await createOutputFile(`${path}.npy`);
  // The number of rows is known at the end; the header has the same length for any that fits a file.
  await vectors.append(headerOf(0));
  const facts: RowFacts[] = [];
  return {
    async write(rows) {
      const stored = rows.map((row) => toStoredRow(row, options.dtype));
      for (const { values: _, ...fact } of stored) facts.push(fact);
      await vectors.append(joinValues(stored));
    },
    async finish() {
      await vectors.rewriteStart(headerOf(facts.length));
      await vectors.close();
      await writeParquetFile(`${path}.parquet`, factColumns(facts, options), {
        ...options,
        rowsPerGroup: ROWS_PER_GROUP,
      });
    },
    abandon: () => vectors.close(),
  };
}
