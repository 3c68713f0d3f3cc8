// vgg-edge reindex with the tiny model, over the stores that it knows: the new index beside the old one.

import { appendFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { describe, expect, test } from 'vitest';
import { build, dropOld } from '../../cli/reindex-session.ts';
import type { VectorStore } from '../../core/vector-store.ts';
import type { Source } from '../../runner/ports.ts';
import { planIndexes } from '../../runner/reindex-plan.ts';
import { beginAnew, openState, readState, reindexFolder, writeState } from '../../runner/reindex-state.ts';
import { StoppedError } from '../../runner/stopped.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { openLanceDbStore } from '../../search/node/lancedb-store.ts';
import { createPgvectorStore, type RunSql } from '../../search/node/pgvector-store.ts';
import { createQdrantStore } from '../../search/qdrant-store.ts';
import { readFailures } from '../runner/run-fixture.ts';
import { startQdrant } from '../search/qdrant-server.ts';
import { COUNT, NO_COLUMNS, useReindex } from './reindex-fixture.ts';

const { place, openSession, reindex, fill } = useReindex();

describe.each<[name: string, open: () => Promise<{ store: VectorStore; close(): Promise<void> }>]>([
  ['memory', async () => ({ store: createMemoryStore(), close: async () => {} })],
  [
    'LanceDB',
    async () => {
      const store = await openLanceDbStore(join(place.root, 'lancedb'));
      return { store, close: () => store.close() };
    },
  ],
  [
    'pgvector',
    async () => {
      const database = new PGlite({ extensions: { vector } });
      const runOn =
        (runner: Pick<PGlite, 'query'>): RunSql =>
        async (sql, parameters = []) =>
          (await runner.query<Record<string, unknown>>(sql, [...parameters])).rows;
      const store = await createPgvectorStore({
        run: runOn(database),
        transaction: (work) => database.transaction((transaction) => work(runOn(transaction))),
        close: () => database.close(),
      });
      return { store, close: () => store.close() };
    },
  ],
  [
    'Qdrant',
    async () => {
      const server = await startQdrant('secret');
      const store = createQdrantStore({ url: server.url, apiKey: 'secret' });
      return { store, close: () => server.close() };
    },
  ],
])('%s', (name, open) => {
  test('builds beside the old index, moves the alias, keeps the old one until told', async () => {
    const { store, close } = await open();
    await fill(store, `${name}-1`);
    const { session, against, state } = await reindex({ store, out: `${name}-2`, pool: 'avg' });
    expect(against).toEqual([]);
    expect(state).toMatchObject({ before: 'photos-1', after: 'photos-2', position: COUNT, embedded: COUNT });
    expect(await (await store.open('photos')).describe()).toMatchObject({
      name: 'photos-2',
      items: COUNT,
      space: { pool: 'avg' },
    });
    expect((await store.list()).map((index) => index.name)).toEqual(['photos-0', 'photos-1', 'photos-2']);
    await dropOld(session);
    expect((await store.list()).map((index) => index.name)).toEqual(['photos-0', 'photos-2']);
    await dropOld(session);
    await close();
  });
});

describe('incremental', () => {
  test('unchanged images are copied, changed and new ones embedded; what others noted stays', async () => {
    const store = createMemoryStore();
    await fill(store, 'copied-1');
    const from = join(place.root, 'changed');
    await cp(place.photos, from, { recursive: true });
    await cp(join(place.photos, '000/00001.jpg'), join(from, '000/00000.jpg'));
    await cp(join(place.photos, '000/00002.jpg'), join(from, 'new.jpg'));
    const old = await store.open('photos');
    const noted = await old.get(['000/00003.jpg', '000/00000.jpg']);
    const { space } = await old.describe();
    await old.upsert(
      space,
      noted.map((item) => ({ ...item, metadata: { ...item.metadata, owner: 'me' } })),
    );
    const { state } = await reindex({ store, out: 'copied-2', pool: 'gem', from });
    expect(state).toMatchObject({
      position: COUNT + 1,
      embedded: 2,
      copied: COUNT - 1,
      unchanged: 0,
      failed: 0,
    });
    const now = await store.open('photos');
    expect((await now.describe()).items).toBe(COUNT + 1);
    const [kept, changed, other] = await now.get(['000/00003.jpg', '000/00000.jpg', '000/00001.jpg']);
    expect(kept?.metadata).toEqual({ sha256: noted[0]?.metadata.sha256, owner: 'me' });
    expect(kept?.vector).toEqual(noted[0]?.vector);
    expect(changed?.metadata).toEqual({ sha256: other?.metadata.sha256, owner: 'me' });
    expect(changed?.vector).toEqual(other?.vector);
  });

  test('what stands in the new index already is not embedded again', async () => {
    const store = createMemoryStore();
    await fill(store, 'again-1');
    const session = await openSession({ store, out: 'again-2', pool: 'avg' });
    await build(session);
    await rm(join(place.root, 'again-2'), { recursive: true });
    // The same names, as the alias has not moved: photos-2 is taken now.
    const { before, after } = await planIndexes(store, 'photos', {});
    expect({ before, after }).toEqual({ before: 'photos-1', after: 'photos-3' });
    const folder = reindexFolder(join(place.root, 'again-3'));
    const { alias, source, space } = session.state;
    const state = await openState(folder, { alias, source, ...NO_COLUMNS, space, before, after: 'photos-2' });
    const built = await build({ ...session, folder, state });
    expect(built.state).toMatchObject({ unchanged: COUNT, embedded: 0, copied: 0 });
  });
});

describe('stopped and resumed', () => {
  test('it goes on where it was, and the index is that of an undisturbed run', async () => {
    const store = createMemoryStore();
    await fill(store, 'stop-1');
    const controller = new AbortController();
    const wanted = { store, out: 'stop-2', pool: 'avg' } as const;
    const stopping = await openSession({ ...wanted, changes: { signal: controller.signal, window: 5 } });
    const { source } = stopping;
    const read: Source['read'] = (item, maxBytes) => {
      if (item.id === '001/00011.jpg') controller.abort();
      return source.read(item, maxBytes);
    };
    await expect(build({ ...stopping, source: { ...source, read } })).rejects.toBeInstanceOf(StoppedError);
    const stopped = await readState(stopping.folder);
    expect(stopped?.position).toBeGreaterThanOrEqual(5);
    expect(stopped?.position).toBeLessThan(COUNT);
    // A killed process may have written failures that its last state does not know.
    await appendFile(stopping.folder.failures, 'half a line');
    const { state, against } = await reindex({ ...wanted, changes: { window: 5 } });
    expect(against).toEqual([]);
    expect(state.position).toBe(COUNT);
    expect(await readFile(stopping.folder.failures, 'utf8')).toBe('');
    const undisturbed = createMemoryStore();
    await fill(undisturbed, 'stop-3');
    await reindex({ store: undisturbed, out: 'stop-4', pool: 'avg' });
    const ids = Array.from(
      { length: COUNT },
      (_, index) => `00${Math.floor(index / 10)}/${String(index).padStart(5, '0')}.jpg`,
    );
    const [resumed, whole] = await Promise.all(
      [store, undisturbed].map(async (one) => (await one.open('photos')).get(ids)),
    );
    expect(resumed).toHaveLength(COUNT);
    expect(resumed).toEqual(whole);
  });

  test('a source that has changed is gone through from the beginning', async () => {
    const store = createMemoryStore();
    await fill(store, 'moved-1');
    const from = join(place.root, 'moving');
    await cp(place.photos, from, { recursive: true });
    await writeFile(join(from, '000/00004.jpg'), 'no image');
    const session = await openSession({
      store,
      out: 'moved-2',
      pool: 'avg',
      from,
      changes: { maxFailureRate: 0.1 },
    });
    await build(session);
    expect(await readFailures(session.folder.path)).toHaveLength(1);
    await cp(join(place.photos, '000/00004.jpg'), join(from, '000/00004.jpg'));
    await rm(join(from, '000/00000.jpg'));
    const again = await openSession({ store, out: 'moved-2', pool: 'avg', from });
    const { state } = await build(again);
    expect(state).toMatchObject({ position: COUNT - 1, unchanged: COUNT - 2, embedded: 1, failed: 0 });
    expect(await readFailures(again.folder.path)).toEqual([]);
    expect((await openSession({ store, out: 'moved-2', pool: 'avg', from })).state).toEqual(state);
  });

  test('killed while it begins anew, it leaves no state that counts failures which are gone', async () => {
    const store = createMemoryStore();
    await fill(store, 'anew-1');
    const { folder, state } = await openSession({ store, out: 'anew-2', pool: 'avg' });
    await writeState(folder, { ...state, position: 1, failed: 1, failureBytes: 9, lastId: '000/00000.jpg' });
    await rm(folder.failures);
    // Here it ends, without the file that it would empty.
    await expect(beginAnew(folder, { ...state, failureBytes: 9 })).rejects.toThrow('ENOENT');
    expect(await readState(folder)).toEqual(state);
  });

  test('another task in the same folder is refused by what differs', async () => {
    const store = createMemoryStore();
    await fill(store, 'other-1');
    await openSession({ store, out: 'other-2', pool: 'avg' });
    await expect(openSession({ store, out: 'other-2', pool: 'max' })).rejects.toThrow(
      'pool was avg and is now max',
    );
  });
});
