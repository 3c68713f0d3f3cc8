// The persistent stores of search/, each filled and asked through its port.

import { join } from 'node:path';
import { unstable_startWorker as startWorker } from 'wrangler';
import {
  MAX_UPSERT_ITEMS,
  type VectorIndex,
  type VectorSpace,
  type VectorStore,
} from '../../core/vector-store.ts';
import { openLanceDbStore } from '../../search/node/lancedb-store.ts';
import { createPgvectorStore, openPostgres } from '../../search/node/pgvector-store.ts';
import { findPostgres, startPostgres } from '../../test/search/postgres-server.ts';
import { type Batch, type DataSet, TOP } from './data-set.ts';
import { folderBytes, type Rival } from './rival.ts';

const INDEX = 'bench';

export const spaceOf = (dimensions: number): VectorSpace => ({
  model: 'bench@000000000000',
  preprocess: 'none',
  layer: 'features',
  pool: 'gem',
  projection: null,
  dimensions,
});

export const lanceDb: Rival = {
  name: 'LanceDB',
  async build(data, folder) {
    const store = await openLanceDbStore(folder);
    await fill(store, data);
    await store.optimise(INDEX);
    await store.close();
  },
  async open(_, folder) {
    const store = await openLanceDbStore(folder);
    const index = await store.open(INDEX);
    return {
      query: (vector) => query(index, vector, spaceOf(vector.length)),
      bytes: () => folderBytes(folder),
      close: () => store.close(),
    };
  },
};

/** Undefined where PostgreSQL or pgvector is not installed. */
export async function postgres(): Promise<Rival | undefined> {
  const programs = await findPostgres();
  if (typeof programs === 'string') {
    console.log(`pgvector is left out: ${programs}`);
    return undefined;
  }
  return {
    name: 'pgvector, HNSW',
    maxCount: 100_000,
    async build(data, folder) {
      const server = await startPostgres(programs, folder);
      const store = await createPgvectorStore(await openPostgres(server.url));
      await fill(store, data);
      await store.close();
      await server.stop();
    },
    async open(_, folder) {
      const server = await startPostgres(programs, folder);
      const store = await createPgvectorStore(await openPostgres(server.url));
      const index = await store.open(INDEX);
      return {
        query: (vector) => query(index, vector, spaceOf(vector.length)),
        bytes: () => folderBytes(join(folder, 'base')),
        async close() {
          await store.close();
          await server.stop();
        },
      };
    },
  };
}

/** In workerd, measured in the Worker around the call to the objects. */
export function durableObjects(shards: number, evenOnly = false): Rival {
  const open = async (folder: string, dimensions: number) => {
    // Otherwise the local runtime asks the network where it is.
    process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= 'false';
    const worker = await startWorker({
      config: join(import.meta.dirname, 'worker/wrangler.toml'),
      dev: { logLevel: 'error', persist: folder, watch: false, server: { port: 0 }, inspector: false },
    });
    const post = async (path: string, body: Float32Array) => {
      const url = `http://localhost${path}dimensions=${dimensions}&shards=${shards}`;
      const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
      const response = await worker.fetch(url, { method: 'POST', body: bytes.slice() });
      if (!response.ok) throw new Error(`The Worker answered ${response.status}`);
      return response;
    };
    return { post, close: () => worker.dispose() };
  };
  return {
    name: `Durable Objects, ${shards}${evenOnly ? ', filter' : ''}`,
    maxCount: 100_000,
    evenOnly,
    async build(data, folder) {
      const { post, close } = await open(folder, data.dimensions);
      for await (const { first, vectors } of data.batches(MAX_UPSERT_ITEMS)) {
        await post(`/upsert?first=${first}&`, vectors);
      }
      await close();
    },
    async open({ dimensions }, folder) {
      const { post, close } = await open(folder, dimensions);
      return {
        async query(vector) {
          const response = await post(`/query?${evenOnly ? 'filtered&' : ''}`, vector);
          const { ids, ms } = (await response.json()) as { ids: number[]; ms: number };
          return { rows: ids, ms };
        },
        bytes: () => folderBytes(folder),
        close,
      };
    },
  };
}

export async function fill(store: VectorStore, data: DataSet): Promise<void> {
  const space = spaceOf(data.dimensions);
  const index = await store.create(INDEX, space);
  for await (const batch of data.batches(MAX_UPSERT_ITEMS)) {
    await index.upsert(space, itemsOf(batch, data.dimensions));
  }
}

export async function query(
  index: VectorIndex,
  vector: Float32Array,
  space: VectorSpace,
): Promise<{ rows: readonly number[]; ms: number }> {
  const start = performance.now();
  const hits = await index.query({ by: { vector, space }, topK: TOP });
  return { rows: hits.map(({ id }) => Number(id)), ms: performance.now() - start };
}

function itemsOf({ first, vectors }: Batch, dimensions: number) {
  return Array.from({ length: vectors.length / dimensions }, (_, row) => ({
    id: String(first + row),
    vector: vectors.subarray(row * dimensions, (row + 1) * dimensions),
    metadata: {},
  }));
}
