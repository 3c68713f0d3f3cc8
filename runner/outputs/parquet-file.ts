// A Parquet file written by hyparquet-writer, row group by row group. The bytes depend on the rows alone.

import type { SchemaElement } from 'hyparquet';
import { ByteWriter, type ColumnSource, type KeyValue, ParquetWriter } from 'hyparquet-writer';
import type { OutputOptions } from '../ports.ts';
import { VECTORS_KEY, vectorsNote } from './arrow-schema.ts';
import { type ColumnType, type MetadataColumn, metadataColumns } from './metadata-columns.ts';
import { createOutputFile } from './output-file.ts';
import type { RowFacts } from './stored-row.ts';

export interface ParquetColumn {
  /** The column with its children, in depth-first order. */
  readonly schema: readonly SchemaElement[];
  readonly source: ColumnSource;
}

export interface ParquetFileOptions extends OutputOptions {
  readonly rowsPerGroup: number;
  /** Beside the space of the vectors. */
  readonly notes?: readonly KeyValue[];
}

/** Replaces a file of that name. Throws SourceError where the disk does not take it. */
export async function writeParquetFile(
  path: string,
  columns: readonly ParquetColumn[],
  { rowsPerGroup, notes = [], ...options }: ParquetFileOptions,
): Promise<void> {
  const file = await createOutputFile(path);
  try {
    const writer = new ByteWriter();
    const flush = async (): Promise<void> => {
      await file.append(new Uint8Array(writer.buffer, 0, writer.index));
      writer.index = 0;
    };
    const parquet = new ParquetWriter({
      writer: Object.assign(writer, { flush, finish: flush }),
      schema: [{ name: 'root', num_children: columns.length }, ...columns.flatMap(({ schema }) => schema)],
      kvMetadata: [{ key: VECTORS_KEY, value: vectorsNote(options) }, ...notes],
      createdBy: 'vgg-edge',
    });
    await parquet.write({ columnData: columns.map(({ source }) => source), rowGroupSize: rowsPerGroup });
    await parquet.finish();
  } finally {
    await file.close();
  }
}

/** Id, content hash, the scale of int8 vectors, and a column for each field of the metadata. */
export function factColumns(
  rows: readonly RowFacts[],
  { dtype }: OutputOptions,
  metadata: readonly MetadataColumn[] = metadataColumns(rows),
): ParquetColumn[] {
  return [
    textColumn(
      'id',
      rows.map(({ id }) => id),
    ),
    textColumn(
      'sha256',
      rows.map(({ sha256 }) => sha256),
    ),
    ...(dtype === 'int8' ? [scaleColumn(rows)] : []),
    ...metadata.map(({ name, type, values }) => ({
      schema: [{ name, repetition_type: 'OPTIONAL' as const, ...TYPES[type] }],
      source: { name, data: [...values] },
    })),
  ];
}

const TYPES: Readonly<Record<ColumnType, Omit<SchemaElement, 'name'>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  number: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
};

function textColumn(name: string, data: string[]): ParquetColumn {
  return { schema: [{ name, repetition_type: 'REQUIRED', ...TYPES.text }], source: { name, data } };
}

function scaleColumn(rows: readonly RowFacts[]): ParquetColumn {
  const data = Float32Array.from(rows, ({ scale = 0 }) => scale);
  return {
    schema: [{ name: 'scale', type: 'FLOAT', repetition_type: 'REQUIRED' }],
    source: { name: 'scale', data },
  };
}
