// Lists in Parquet, row group by row group. Columns of bytes (images in the file itself) are not read.

import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { InputError } from '../../core/errors.ts';
import type { ListRow } from './list-row.ts';

/** Bytes, decompressed, of the columns that are read. Writers make groups of a million rows at most. */
const MAX_GROUP = 512 << 20;

/** What hyparquet does not bring itself. The length of each page is known before it is unpacked. */
const COMPRESSORS = {
  GZIP: (bytes: Uint8Array, length: number) => gunzipSync(bytes, { maxOutputLength: length }),
  BROTLI: (bytes: Uint8Array, length: number) => brotliDecompressSync(bytes, { maxOutputLength: length }),
  ZSTD: (bytes: Uint8Array, length: number) => zstdDecompressSync(bytes, { maxOutputLength: length }),
};

const CODECS: readonly string[] = ['UNCOMPRESSED', 'SNAPPY', ...Object.keys(COMPRESSORS)];
/** Bytes: `PAR1` twice, and the length of what describes the file. */
const SMALLEST = 12;

export async function* readParquetRows(path: string): AsyncGenerator<ListRow> {
  const file = await asyncBufferFromFile(path);
  if (file.byteLength < SMALLEST) {
    throw new InputError('invalid_file', `Expected Parquet in ${path} but found ${file.byteLength} bytes.`);
  }
  const metadata = await parquetMetadataAsync(file);
  const columns = parquetSchema(metadata)
    .children.filter(({ element, children }) => children.length > 0 || !isBinary(element))
    .map(({ element }) => element.name);
  let start = 0;
  let row = 0;
  for (const group of metadata.row_groups) {
    const read = group.columns.flatMap(({ meta_data }) =>
      meta_data !== undefined && columns.includes(meta_data.path_in_schema[0] ?? '') ? [meta_data] : [],
    );
    const unknown = read.find(({ codec }) => !CODECS.includes(codec));
    if (unknown !== undefined) {
      throw new InputError(
        'invalid_file',
        `Expected columns of ${path} packed by Snappy, gzip, Brotli or Zstandard but found ${unknown.codec}. Write it with one of these.`,
      );
    }
    const bytes = read.reduce((sum, column) => sum + Number(column.total_uncompressed_size), 0);
    if (bytes > MAX_GROUP) {
      throw new InputError(
        'invalid_file',
        `Expected row groups of at most ${MAX_GROUP} bytes in ${path} but found ${bytes}. Write it with smaller ones.`,
      );
    }
    const rowEnd = start + Number(group.num_rows);
    const rows = await parquetReadObjects({
      file,
      metadata,
      columns,
      rowStart: start,
      rowEnd,
      compressors: COMPRESSORS,
    });
    for (const fields of rows) yield { row: ++row, fields };
    start = rowEnd;
  }
}

function isBinary({ type, converted_type, logical_type }: SchemaKind): boolean {
  const bytes = type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY' || type === 'INT96';
  return bytes && converted_type === undefined && logical_type === undefined;
}

interface SchemaKind {
  readonly type?: string;
  readonly converted_type?: string;
  readonly logical_type?: object;
}
