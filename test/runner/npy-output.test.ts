import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import { decodeNpy } from '../../core/npy.ts';
import { asColumns, describeOutput, type ReadRow } from './output-contract.ts';
import { readParquetRows } from './parquet-rows.ts';

const TYPES = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array };

async function readShard(folder: string, name: string): Promise<ReadRow[]> {
  const { dtype, shape, data } = decodeNpy(await readFile(join(folder, `${name}.npy`)));
  const values = new TYPES[dtype](new Uint8Array(data).buffer);
  const width = shape[1] ?? 0;
  const rows = await readParquetRows(join(folder, `${name}.parquet`));
  if (rows.length !== shape[0]) throw new Error(`Expected ${shape[0]} rows but found ${rows.length}.`);
  return rows.map(({ id, sha256, scale, ...metadata }, row) => ({
    id: String(id),
    sha256: String(sha256),
    scale: typeof scale === 'number' ? scale : undefined,
    vector: [...values.subarray(row * width, (row + 1) * width)],
    metadata,
  }));
}

describe('npy', () => {
  describeOutput({
    format: 'npy',
    endings: ['npy', 'parquet'],
    readShard,
    metadataOf: asColumns,
  });
});
