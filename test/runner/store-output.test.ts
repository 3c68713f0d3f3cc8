import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { VectorStore } from '../../core/vector-store.ts';
import { openOutput } from '../../runner/outputs/open-output.ts';
import { createStoreOutput } from '../../runner/outputs/store.ts';
import type { Output } from '../../runner/ports.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { openLanceDbStore } from '../../search/node/lancedb-store.ts';
import { rowsOf, SPACE } from './output-contract.ts';

const OPTIONS = { space: SPACE, dtype: 'float32' } as const;
const ROWS = rowsOf(25);

async function write(output: Output, name = 'shard-00001', rows = ROWS): Promise<void> {
  const shard = await output.begin('/not/used', name);
  await shard.write(rows.slice(0, 7));
  await shard.write(rows.slice(7));
  await shard.finish();
}

/** A memory store that outlives its output, and counts what comes. */
function observed() {
  const store = createMemoryStore();
  const upserts: number[] = [];
  const open: VectorStore = {
    ...store,
    async create(name, space) {
      const index = await store.create(name, space);
      return {
        ...index,
        upsert: (itemSpace, items) => {
          upserts.push(items.length);
          return index.upsert(itemSpace, items);
        },
      };
    },
    async close() {},
  };
  return { store, open, upserts };
}

describe('a store', () => {
  test('is made fast for queries by who wrote into it, not by who only looked', async () => {
    const optimised: string[] = [];
    const { open } = observed();
    const store: VectorStore = {
      ...open,
      async optimise(name) {
        optimised.push(name);
      },
    };
    await (await createStoreOutput(store, 'photos', OPTIONS)).close();
    expect(optimised).toEqual([]);
    const output = await createStoreOutput(store, 'photos', OPTIONS);
    await write(output);
    await output.close();
    expect(optimised).toEqual(['photos']);
  });

  test('holds every row with its metadata and content hash', async () => {
    const { store, open } = observed();
    const output = await createStoreOutput(open, 'photos', OPTIONS);
    expect(output.refusesZeros).toBe(true);
    await write(output);
    await output.close();
    const index = await store.open('photos');
    expect((await index.describe()).items).toBe(25);
    const [row] = ROWS.slice(4);
    const [item] = await index.get([row?.id ?? '']);
    expect(item?.metadata).toEqual({ ...row?.metadata, sha256: row?.sha256 });
  });

  test('has a row written twice once', async () => {
    const { store, open } = observed();
    const output = await createStoreOutput(open, 'photos', OPTIONS);
    const shard = await output.begin('/not/used', 'shard-00001');
    await shard.write(ROWS.slice(0, 5));
    await shard.abandon();
    await write(output);
    await write(output);
    expect((await (await store.open('photos')).describe()).items).toBe(25);
  });

  test('is sent no more at once than it takes', async () => {
    const { open, upserts } = observed();
    const large = { ...SPACE, dimensions: 25_088 };
    const output = await createStoreOutput(open, 'photos', { ...OPTIONS, space: large });
    const rows = ROWS.map((row) => ({ ...row, vector: new Float32Array(25_088).fill(1) }));
    const many = Array.from({ length: 60 }, (_, copy) =>
      rows.map((row) => ({ ...row, id: `${copy}/${row.id}` })),
    );
    await write(output, 'large', many.flat());
    expect(upserts.reduce((sum, items) => sum + items)).toBe(1500);
    expect(Math.max(...upserts) * 25_088 * 4).toBeLessThanOrEqual(4 << 20);
  });

  test('an index of another space is refused before anything is embedded', async () => {
    const { store, open } = observed();
    await store.create('photos', { ...SPACE, model: 'other@0123456789ab' });
    await expect(createStoreOutput(open, 'photos', OPTIONS)).rejects.toMatchObject({
      code: 'index_mismatch',
    });
  });

  test('a folder of LanceDB', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-store-output-'));
    const output = await openOutput(`store:${folder}#photos`, OPTIONS);
    await write(output);
    await output.close();
    const store = await openLanceDbStore(folder);
    expect(await store.list()).toMatchObject([{ name: 'photos', items: 25 }]);
    await store.close();
    await rm(folder, { recursive: true });
  });
});

test.each([
  ['a format that there is not', 'hdf5', OPTIONS, /npy, parquet, jsonl, arrow, or store:PLACE#INDEX/],
  ['a store without an index', 'store:indexes', OPTIONS, /store:PLACE#INDEX/],
  ['another dtype for a store', 'store:indexes#photos', { ...OPTIONS, dtype: 'int8' }, /float32/],
] as const)('%s is refused', async (_, spec, options, message) => {
  const opened = openOutput(spec, options);
  await expect(opened).rejects.toThrow(message);
  await expect(opened).rejects.toMatchObject({ name: 'InputError' });
});
