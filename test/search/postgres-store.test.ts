// The pgvector store on a real PostgreSQL through node-postgres, and its server killed (-9) amid upserts.
// Skipped where PostgreSQL with pgvector is not installed; pgvector-store.test.ts then has PGlite alone.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPgvectorStore, openPostgres } from '../../search/node/pgvector-store.ts';
import { findPostgres, type PostgresServer, startPostgres } from './postgres-server.ts';
import { space, vectorStoreContract } from './vector-store-contract.ts';

const programs = await findPostgres();
if (typeof programs === 'string') console.warn(`PostgreSQL is not tested: ${programs}.`);

const BATCH = 50;
const BATCHES_BEFORE_KILL = 5;

describe.skipIf(typeof programs === 'string')('PostgreSQL', () => {
  if (typeof programs === 'string') return;
  let folder = '';
  let server: PostgresServer;
  const open = async () => createPgvectorStore(await openPostgres(server.url));
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vgg-edge-postgres-'));
    server = await startPostgres(programs, folder);
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  }, 60_000);

  vectorStoreContract('pgvector on a server', async () => ({
    store: await open(),
    tolerance: 1e-5,
    reopen: open,
  }));

  test('killed amid upserts, the server loses no acknowledged item', { timeout: 120_000 }, async () => {
    const store = await open();
    const index = await store.create('killed', space);
    const idsOf = (batch: number) => Array.from({ length: BATCH }, (_, place) => `${batch}-${place}`);
    let acknowledged = 0;
    const writing = (async () => {
      for (;;) {
        const vector = new Float32Array(space.dimensions).fill(1, 0, 1 + (acknowledged % space.dimensions));
        await index.upsert(
          space,
          idsOf(acknowledged).map((id) => ({ id, vector, metadata: { batch: acknowledged } })),
        );
        acknowledged += 1;
        if (acknowledged === BATCHES_BEFORE_KILL) server.kill();
      }
    })();
    await expect(writing).rejects.toMatchObject({ name: 'SourceError', code: 'unreachable' });
    await store.close();

    server = await startPostgres(programs, folder);
    const again = await open();
    const ids = Array.from({ length: acknowledged }, (_, batch) => idsOf(batch)).flat();
    const found = await (await again.open('killed')).get(ids);
    expect(found.map(({ id }) => id)).toEqual(ids);
    await again.close();
  });
});
