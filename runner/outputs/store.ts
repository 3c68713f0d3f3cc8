// Straight into a vector store of search/: by id, so that a shard written twice is there once.

import { InputError } from '../../core/errors.ts';
import {
  type Item,
  MAX_UPSERT_ITEMS,
  type VectorIndex,
  type VectorSpace,
  type VectorStore,
} from '../../core/vector-store.ts';
import type { Output, OutputOptions } from '../ports.ts';

/** Bytes of vectors and metadata in one upsert: as base64 in JSON it stays below the 10 MiB a server takes. */
const MAX_UPSERT_BYTES = 4 << 20;

/**
 * The index `name` of the store, made where there is none; `sha256` goes into the metadata. The store is
 * closed with the output. Throws InputError for a dtype: a store has its own; and 'index_mismatch' where the
 * index is of another space.
 */
export async function createStoreOutput(
  store: VectorStore,
  name: string,
  { space, dtype }: OutputOptions,
): Promise<Output> {
  if (dtype !== 'float32') {
    throw new InputError('invalid_option', `Expected float32 vectors for a store but found ${dtype}.`, {
      param: 'dtype',
    });
  }
  const index = await store.create(name, space);
  let isWritten = false;
  return {
    refusesZeros: true,
    async begin() {
      return {
        async write(rows) {
          const items = rows.map(({ id, vector, sha256, metadata }) => ({
            id,
            vector,
            metadata: { ...metadata, sha256 },
          }));
          isWritten = true;
          await upsertAll(index, space, items);
        },
        async finish() {},
        async abandon() {},
      };
    },
    async close() {
      // What makes many queries fast, where the store has it; who only looked has changed nothing.
      if (isWritten) await store.optimise?.(name);
      await store.close();
    },
  };
}

/** In as many upserts as a store, or a server, takes. */
export async function upsertAll(
  index: VectorIndex,
  space: VectorSpace,
  items: readonly Item[],
): Promise<void> {
  for (const batch of batches(items)) await index.upsert(space, batch);
}

function* batches(items: readonly Item[]): Generator<Item[]> {
  let batch: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = item.vector.byteLength + Buffer.byteLength(JSON.stringify(item.metadata));
    if (batch.length > 0 && (batch.length === MAX_UPSERT_ITEMS || bytes + size > MAX_UPSERT_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
