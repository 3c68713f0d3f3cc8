import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetMetadata } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import type { VectorDtype } from '../../core/quantise-vector.ts';
import { asColumns, describeOutput, openIn, type ReadRow, rowsOf, SPACE } from './output-contract.ts';
import { readParquetRows } from './parquet-rows.ts';

async function readShard(folder: string, name: string, dtype: VectorDtype): Promise<ReadRow[]> {
  const rows = await readParquetRows(join(folder, `${name}.parquet`));
  return rows.map(({ id, sha256, scale, vector, ...metadata }) => {
    if (dtype === 'binary' ? !(vector instanceof Uint8Array) : !Array.isArray(vector)) {
      throw new Error(`Expected a vector in ${String(id)}.`);
    }
    return {
      id: String(id),
      sha256: String(sha256),
      scale: typeof scale === 'number' ? scale : undefined,
      vector: Array.from(vector as ArrayLike<number>),
      metadata,
    };
  });
}

describe('parquet', () => {
  describeOutput({ format: 'parquet', endings: ['parquet'], readShard, metadataOf: asColumns });

  test('the file says of which space its vectors are, and that their lists are of a fixed size', () =>
    openIn('parquet', { space: SPACE, dtype: 'float32' }, async (folder, output) => {
      const shard = await output.begin(folder, 'a');
      await shard.write(rowsOf(2));
      await shard.finish();
      const { buffer, byteOffset, byteLength } = await readFile(join(folder, 'a.parquet'));
      const { key_value_metadata: notes = [] } = parquetMetadata(
        buffer.slice(byteOffset, byteOffset + byteLength),
      );
      const noteOf = (name: string) => notes.find(({ key }) => key === name)?.value ?? '';
      expect(JSON.parse(noteOf('vgg-edge:vectors'))).toEqual({ space: SPACE, dtype: 'float32' });
      // Continuation, then the length of a flatbuffer that fills the rest.
      const message = Buffer.from(noteOf('ARROW:schema'), 'base64');
      expect(message.readInt32LE(0)).toBe(-1);
      expect(message.readInt32LE(4)).toBe(message.length - 8);
    }));
});
