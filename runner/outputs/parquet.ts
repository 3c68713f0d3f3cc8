// Shards in Parquet, the vectors in a column of lists: what DuckDB, Spark, pandas and Polars read.

import type { SchemaElement } from 'hyparquet';
import type { Output, OutputOptions } from '../ports.ts';
import { arrowSchema, schemaMessage } from './arrow-schema.ts';
import { createHeldOutput } from './held-shard.ts';
import { metadataColumns } from './metadata-columns.ts';
import { factColumns, type ParquetColumn, writeParquetFile } from './parquet-file.ts';
import { type StoredRow, storedWidth } from './stored-row.ts';

/** What encoding a row group takes is some fifty times this; readers take what they like of it. */
const VALUES_PER_GROUP = 1 << 20;

/** `NAME.parquet`: id, vector, sha256 and metadata. Vectors are lists, marked as of a fixed size for Arrow. */
export function createParquetOutput(options: OutputOptions): Output {
  return createHeldOutput('parquet', options, async (path, rows) => {
    const width = storedWidth(options);
    const metadata = metadataColumns(rows);
    const [id, ...others] = factColumns(rows, options, metadata);
    if (id === undefined) throw new Error('Expected a column of ids.');
    await writeParquetFile(path, [id, vectorColumn(rows, options, width), ...others], {
      ...options,
      rowsPerGroup: Math.max(1, Math.floor(VALUES_PER_GROUP / width)),
      notes: [{ key: 'ARROW:schema', value: schemaMessage(arrowSchema(metadata, options)) }],
    });
  });
}

const LIST: readonly SchemaElement[] = [
  {
    name: 'vector',
    repetition_type: 'REQUIRED',
    converted_type: 'LIST',
    logical_type: { type: 'LIST' },
    num_children: 1,
  },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
];

function vectorColumn(rows: readonly StoredRow[], { dtype }: OutputOptions, width: number): ParquetColumn {
  const name = 'vector';
  if (dtype === 'binary') {
    return {
      schema: [{ name, type: 'FIXED_LEN_BYTE_ARRAY', type_length: width, repetition_type: 'REQUIRED' }],
      source: { name, data: rows.map(({ values }) => values), statistics: false },
    };
  }
  const element: SchemaElement =
    dtype === 'int8'
      ? { name: 'element', type: 'INT32', converted_type: 'INT_8' }
      : { name: 'element', type: 'FLOAT' };
  return {
    schema: [...LIST, { ...element, repetition_type: 'REQUIRED' }],
    source: {
      name,
      data: rows.map(({ values }) => Array.from(values)),
      statistics: false,
      // Floats hardly repeat: neither a dictionary nor compression is worth its time.
      ...(dtype === 'float32' ? { encoding: 'PLAIN', codec: 'UNCOMPRESSED' } : {}),
    },
  };
}
