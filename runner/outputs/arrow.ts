// Shards as Arrow files (IPC, also called Feather 2): what pyarrow and Polars map into memory as it is.

import {
  type Data,
  type DataType,
  FixedSizeList,
  Float32,
  makeBuilder,
  makeData,
  RecordBatch,
  Struct,
  Table,
  tableToIPC,
} from 'apache-arrow';
import type { Output, OutputOptions } from '../ports.ts';
import { arrowSchema, vectorType } from './arrow-schema.ts';
import { createHeldOutput } from './held-shard.ts';
import { metadataColumns } from './metadata-columns.ts';
import { createOutputFile } from './output-file.ts';
import { joinValues, type StoredRow, storedWidth } from './stored-row.ts';

/** `NAME.arrow`: id, vector (a list of fixed size), sha256 and metadata. */
export function createArrowOutput(options: OutputOptions): Output {
  return createHeldOutput('arrow', options, async (path, rows) => {
    const file = await createOutputFile(path);
    try {
      await file.append(tableToIPC(toTable(rows, options), 'file'));
    } finally {
      await file.close();
    }
  });
}

function toTable(rows: readonly StoredRow[], options: OutputOptions): Table {
  const metadata = metadataColumns(rows);
  const schema = arrowSchema(metadata, options);
  const values = new Map<string, readonly unknown[]>([
    ['id', rows.map(({ id }) => id)],
    ['sha256', rows.map(({ sha256 }) => sha256)],
    ['scale', rows.map(({ scale = 0 }) => scale)],
    ...metadata.map((column) => [column.name, column.values] as const),
  ]);
  const children = schema.fields.map(({ name, type }) =>
    name === 'vector' ? vectorData(rows, options) : columnData(values.get(name) ?? [], type),
  );
  const data = makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children });
  return new Table(schema, new RecordBatch(schema, data));
}

function columnData(values: readonly unknown[], type: DataType): Data {
  const builder = makeBuilder({ type, nullValues: [null] });
  for (const value of values) builder.append(value);
  return builder.finish().flush();
}

function vectorData(rows: readonly StoredRow[], options: OutputOptions): Data {
  const width = storedWidth(options);
  const type = vectorType(options.dtype, width);
  const bytes = joinValues(rows);
  if (!(type instanceof FixedSizeList))
    return makeData({ type, length: rows.length, nullCount: 0, data: bytes });
  const element = type.children[0]?.type;
  const data = element instanceof Float32 ? new Float32Array(bytes.buffer) : new Int8Array(bytes.buffer);
  const child = makeData({ type: element, length: rows.length * width, nullCount: 0, data });
  return makeData({ type, length: rows.length, nullCount: 0, child });
}
