// Lists in Parquet, row group by row group. Columns of bytes (images in the file itself) are not read.

import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { InputError } from '../../core/errors.ts';
import type { ListRow } from './list-row.ts';

/** Bytes, decompressed, of the columns that are read. Writers make groups of a million rows at most. */
const MAX_GROUP = 512 << 20;

/** What hyparquet does not bring itself. The length of each page is known before it is unpacked. */
const compressors = {
  GZIP: (bytes: Uint8Array, length: number) => gunzipSync(bytes, { maxOutputLength: length }),
  BROTLI: (bytes: Uint8Array, length: number) => brotliDecompressSync(bytes, { maxOutputLength: length }),
  ZSTD: (bytes: Uint8Array, length: number) => zstdDecompressSync(bytes, { maxOutputLength: length }),
};

export async function* readParquetRows(path: string): AsyncGenerator<ListRow> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const columns = parquetSchema(metadata)
    .children.filter(({ element, children }) => children.length > 0 || !isBinary(element))
    .map(({ element }) => element.name);
  let start = 0;
  let row = 0;
  for (const group of metadata.row_groups) {
    const bytes = group.columns
      .filter(({ meta_data }) => columns.includes(meta_data?.path_in_schema[0] ?? ''))
      .reduce((sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0), 0);
    if (bytes > MAX_GROUP) {
      throw new InputError(
        'invalid_file',
        `Expected row groups of at most ${MAX_GROUP} bytes in ${path} but found ${bytes}. Write it with smaller ones.`,
      );
    }
    const rowEnd = start + Number(group.num_rows);
    const rows = await parquetReadObjects({ file, metadata, columns, rowStart: start, rowEnd, compressors });
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
