// Parquet files read back for the outputs' tests.

import { readFile } from 'node:fs/promises';
import { parquetReadObjects } from 'hyparquet';

/** Rows without the columns that are null in them. */
export async function readParquetRows(path: string): Promise<Record<string, unknown>[]> {
  const { buffer, byteOffset, byteLength } = await readFile(path);
  const file = buffer.slice(byteOffset, byteOffset + byteLength);
  const rows = await parquetReadObjects({ file });
  return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)));
}
