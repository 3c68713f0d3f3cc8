import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { describe } from 'vitest';
import { asColumns, describeOutput, type ReadRow } from './output-contract.ts';

async function readShard(folder: string, name: string): Promise<ReadRow[]> {
  const table = tableFromIPC(await readFile(join(folder, `${name}.arrow`)));
  return table.toArray().map((row) => {
    const { id, sha256, scale, vector, ...others } = row.toJSON();
    const metadata = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== null));
    return {
      id: String(id),
      sha256: String(sha256),
      scale: typeof scale === 'number' ? scale : undefined,
      vector: Array.from(vector),
      metadata,
    };
  });
}

describe('arrow', () => {
  describeOutput({ format: 'arrow', endings: ['arrow'], readShard, metadataOf: asColumns });
});
