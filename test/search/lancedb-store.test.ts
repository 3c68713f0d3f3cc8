import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openLanceDbStore } from '../../search/node/lancedb-store.ts';
import { vectorStoreContract } from './vector-store-contract.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-lancedb-'));
});
afterAll(() => rm(folder, { recursive: true }));

vectorStoreContract('LanceDB', async () => ({ store: await openLanceDbStore(folder), tolerance: 1e-5 }));
