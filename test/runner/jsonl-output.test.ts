import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { VectorDtype } from '../../core/quantise-vector.ts';
import { describeOutput, type ReadRow } from './output-contract.ts';

async function readShard(folder: string, name: string, dtype: VectorDtype): Promise<ReadRow[]> {
  const text = await readFile(join(folder, `${name}.jsonl`), 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const { id, sha256, vector, scale, metadata } = JSON.parse(line);
      return {
        id,
        sha256,
        scale: scale === undefined ? undefined : Math.fround(scale),
        vector: dtype === 'float32' ? vector.map(Math.fround) : vector,
        metadata,
      };
    });
}

describe('jsonl', () => {
  describeOutput({ format: 'jsonl', endings: ['jsonl'], readShard, metadataOf: (metadata) => metadata });
});
