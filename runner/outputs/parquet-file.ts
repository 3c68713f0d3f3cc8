// A Parquet file written by hyparquet-writer, row group by row group. The bytes depend on the rows alone.

import type { SchemaElement } from 'hyparquet';
import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer';
import type { OutputOptions, OutputRow } from '../ports.ts';
import { type ColumnType, metadataColumns } from './metadata-columns.ts';
import { createOutputFile } from './output-file.ts';

export interface ParquetColumn {
  /** The column with its children, in depth-first order. */
  readonly schema: readonly SchemaElement[];
  readonly source: ColumnSource;
}

/** Key of the space and dtype of the vectors in the file's metadata, as JSON. */
const VECTORS_KEY = 'vgg-edge:vectors';

export interface ParquetFileOptions extends OutputOptions {
  readonly rowsPerGroup: number;
}

/** Replaces a file of that name. Throws SourceError where the disk does not take it. */
export async function writeParquetFile(
  path: string,
  columns: readonly ParquetColumn[],
  { space, dtype, rowsPerGroup }: ParquetFileOptions,
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
      kvMetadata: [{ key: VECTORS_KEY, value: JSON.stringify({ space, dtype }) }],
      createdBy: 'vgg-edge',
    });
    await parquet.write({ columnData: columns.map(({ source }) => source), rowGroupSize: rowsPerGroup });
    await parquet.finish();
  } finally {
    await file.close();
  }
}

export type RowFacts = Pick<OutputRow, 'id' | 'sha256' | 'metadata'> & { readonly scale?: number };

/** Id, content hash, the scale of int8 vectors, and a column for each field of the metadata. */
export function factColumns(rows: readonly RowFacts[], { dtype }: OutputOptions): ParquetColumn[] {
  return [
    flat(
      'id',
      'text',
      rows.map(({ id }) => id),
      'REQUIRED',
    ),
    flat(
      'sha256',
      'text',
      rows.map(({ sha256 }) => sha256),
      'REQUIRED',
    ),
    ...(dtype === 'int8' ? [scales(rows)] : []),
    ...metadataColumns(rows).map(({ name, type, values }) => flat(name, type, values, 'OPTIONAL')),
  ];
}

function scales(rows: readonly RowFacts[]): ParquetColumn {
  const data = Float32Array.from(rows, ({ scale = 0 }) => scale);
  return {
    schema: [{ name: 'scale', type: 'FLOAT', repetition_type: 'REQUIRED' }],
    source: { name: 'scale', data },
  };
}

const TYPES: Readonly<Record<ColumnType, Omit<SchemaElement, 'name'>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  number: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
};

function flat(
  name: string,
  type: ColumnType,
  values: readonly unknown[],
  repetition: 'REQUIRED' | 'OPTIONAL',
): ParquetColumn {
  return {
    schema: [{ name, repetition_type: repetition, ...TYPES[type] }],
    source: { name, data: [...values] },
  };
}
