// vgg-edge reindex with the tiny model, over the stores that it knows.

import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openEmbeddingModel } from '../../cli/embedding-model.ts';
import { main } from '../../cli/main.ts';
import {
  build,
  compare,
  dropOld,
  isMoved,
  moveAlias,
  type ReindexSession,
} from '../../cli/reindex-session.ts';
import type { Pool } from '../../core/descriptors.ts';
import type { VectorStore } from '../../core/vector-store.ts';
import type { Source } from '../../runner/ports.ts';
import { planIndexes } from '../../runner/reindex-plan.ts';
import { beginAnew, openState, readState, reindexFolder } from '../../runner/reindex-state.ts';
import { openSource } from '../../runner/sources/open-source.ts';
import { StoppedError } from '../../runner/stopped.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { openLanceDbStore } from '../../search/node/lancedb-store.ts';
import { createPgvectorStore, type RunSql } from '../../search/node/pgvector-store.ts';
import { createQdrantStore } from '../../search/qdrant-store.ts';
import { readFailures, TINY, tinyEngine, writePhotos } from '../runner/run-fixture.ts';
import { startQdrant } from '../search/qdrant-server.ts';

const COUNT = 12;
const NO_COLUMNS = { column: null, idColumn: null, metadataColumns: null };
let root = '';
let photos = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vgg-edge-reindex-'));
  photos = join(root, 'photos');
  await writePhotos(photos, COUNT);
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Wanted {
  readonly store: VectorStore;
  readonly out: string;
  readonly pool: Pool;
  readonly from?: string;
  readonly before?: string;
  readonly changes?: Partial<ReindexSession>;
}

async function openSession({
  store,
  out,
  pool,
  from = photos,
  before,
  changes = {},
}: Wanted): Promise<ReindexSession> {
  const model = await openEmbeddingModel(TINY, () => ({ layer: 'features', pool, normalize: true }));
  const folder = reindexFolder(join(root, out));
  const names = await planIndexes(store, 'photos', { before, state: await readState(folder) });
  const space = model.describer.space(model.id);
  const state = await openState(folder, { alias: 'photos', ...names, source: from, ...NO_COLUMNS, space });
  return {
    store,
    source: await openSource(from),
    model: {
      ...model,
      openEngine: async () => ({ engine: await tinyEngine(), id: 'winograd:int8', batchSize: 4, reason: '' }),
    },
    folder,
    state,
    engine: 'winograd',
    threads: 1,
    maxFailureRate: 0.01,
    queries: 100,
    topK: 5,
    minOverlap: 0,
    allowMissing: false,
    signal: new AbortController().signal,
    ...changes,
  };
}

/** Builds and compares, and moves the alias where nothing speaks against it. */
async function reindex(wanted: Wanted) {
  const session = await openSession(wanted);
  const built = await build(session);
  const against = await compare(session, built);
  if (against.length === 0) await moveAlias(session);
  return { session, against, state: built.state };
}

/** `photos` names photos-1 with every photo, pooled by gem. */
async function fill(store: VectorStore, out: string): Promise<void> {
  const { space } = (
    await openSession({ store: createMemoryStore(), out: `${out}-space`, pool: 'gem', before: 'x' })
  ).state;
  await store.create('photos-0', space);
  await store.setAlias('photos', 'photos-0');
  const { against } = await reindex({ store, out, pool: 'gem' });
  expect(against).toEqual([]);
}

describe.each<[name: string, open: () => Promise<{ store: VectorStore; close(): Promise<void> }>]>([
  ['memory', async () => ({ store: createMemoryStore(), close: async () => {} })],
  [
    'LanceDB',
    async () => {
      const store = await openLanceDbStore(join(root, 'lancedb'));
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
    const from = join(root, 'changed');
    await cp(photos, from, { recursive: true });
    await cp(join(photos, '000/00001.jpg'), join(from, '000/00000.jpg'));
    await cp(join(photos, '000/00002.jpg'), join(from, 'new.jpg'));
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
    await rm(join(root, 'again-2'), { recursive: true });
    // The same names, as the alias has not moved: photos-2 is taken now.
    const { before, after } = await planIndexes(store, 'photos', {});
    expect({ before, after }).toEqual({ before: 'photos-1', after: 'photos-3' });
    const folder = reindexFolder(join(root, 'again-3'));
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
    const from = join(root, 'moving');
    await cp(photos, from, { recursive: true });
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
    await cp(join(photos, '000/00004.jpg'), join(from, '000/00004.jpg'));
    await rm(join(from, '000/00000.jpg'));
    const again = await openSession({ store, out: 'moved-2', pool: 'avg', from });
    const { state } = await build(again);
    expect(state).toMatchObject({ position: COUNT - 1, unchanged: COUNT - 2, embedded: 1, failed: 0 });
    expect(await readFailures(again.folder.path)).toEqual([]);
    expect((await openSession({ store, out: 'moved-2', pool: 'avg', from })).state).toEqual(state);
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

describe('what keeps the alias where it is', () => {
  test('too little in common', async () => {
    const store = createMemoryStore();
    await fill(store, 'overlap-1');
    const { against, session } = await reindex({
      store,
      out: 'overlap-2',
      pool: 'avg',
      changes: { minOverlap: 1 },
    });
    expect(against).toEqual([
      expect.stringMatching(/on average .* % of the 5 nearest are the same, fewer than 100\.0 %/),
    ]);
    expect(await isMoved(store, session.state)).toBe(false);
    expect(await (await store.open('photos')).describe()).toMatchObject({ name: 'photos-1' });
    const page = await readFile(session.folder.report, 'utf8');
    expect(page).toContain('Against it: on average');
    expect(page.match(/data:image\/jpeg;base64/g)?.length).toBeGreaterThan(20);
  });

  test('items of the old index that would be gone, unless that is allowed', async () => {
    const store = createMemoryStore();
    await fill(store, 'gone-1');
    const from = join(root, 'fewer');
    await cp(photos, from, { recursive: true });
    await rm(join(from, '000/00004.jpg'));
    const wanted = { store, out: 'gone-2', pool: 'avg', from } as const;
    expect((await reindex(wanted)).against).toEqual([
      `1 of the 12 items of 'photos-1' are not in ${from}: they would be gone. Allow it with --allow-missing.`,
    ]);
    expect((await reindex({ ...wanted, changes: { allowMissing: true } })).against).toEqual([]);
  });

  test('a vector of zeros fails alone, and metadata that has grown too large gives way', async () => {
    const store = createMemoryStore();
    await fill(store, 'zeros-1');
    const old = await store.open('photos');
    const [noted] = await old.get(['000/00003.jpg']);
    const { space } = await old.describe();
    if (noted === undefined) throw new Error('Expected an item.');
    const note = 'x'.repeat(10_200);
    await old.upsert(space, [{ ...noted, metadata: { note } }]);
    const session = await openSession({
      store,
      out: 'zeros-2',
      pool: 'avg',
      changes: { maxFailureRate: 0.1 },
    });
    const { describer } = session.model;
    let described = 0;
    const describe: typeof describer.describe = (outputs) => {
      described += 1;
      return described === 1 ? new Float32Array(describer.dimensions) : describer.describe(outputs);
    };
    const { state } = await build({
      ...session,
      model: { ...session.model, describer: { ...describer, describe } },
    });
    expect(state).toMatchObject({ position: COUNT, embedded: COUNT - 1, failed: 1 });
    expect(JSON.parse(await readFile(session.folder.failures, 'utf8'))).toMatchObject({
      id: '000/00000.jpg',
      location: join(photos, '000/00000.jpg'),
      code: 'engine_failed',
    });
    const [kept] = await (await store.open('photos-2')).get(['000/00003.jpg']);
    expect(Object.keys(kept?.metadata ?? {})).toEqual(['sha256']);
  });

  test('too many images that fail; each has its line', async () => {
    const store = createMemoryStore();
    await fill(store, 'fail-1');
    const from = join(root, 'broken');
    await cp(photos, from, { recursive: true });
    await writeFile(join(from, '000/00004.jpg'), 'no image');
    const wanted = { store, out: 'fail-2', pool: 'avg', from } as const;
    await expect(reindex(wanted)).rejects.toThrow('1 of 12 did');
    const { state, session, against } = await reindex({ ...wanted, changes: { maxFailureRate: 0.1 } });
    expect(state).toMatchObject({ position: COUNT, failed: 1 });
    expect(against).toEqual([]);
    const lines = (await readFile(session.folder.failures, 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { id: '000/00004.jpg', code: 'unsupported_image' },
    ]);
  });

  test('too many images that fail, until they are mended and tried again', async () => {
    const store = createMemoryStore();
    await fill(store, 'mended-1');
    const from = join(root, 'mended');
    await cp(photos, from, { recursive: true });
    await writeFile(join(from, '000/00004.jpg'), 'no image');
    const wanted = { store, out: 'mended-2', pool: 'avg', from } as const;
    await expect(reindex(wanted)).rejects.toThrow('--retry-failed');
    await cp(join(photos, '000/00004.jpg'), join(from, '000/00004.jpg'));
    const session = await openSession(wanted);
    const built = await build({ ...session, state: await beginAnew(session.folder, session.state) });
    expect(built.state).toMatchObject({ position: COUNT, embedded: 1, unchanged: COUNT - 1, failed: 0 });
    expect(await readFile(session.folder.failures, 'utf8')).toBe('');
    expect(await compare(session, built)).toEqual([]);
  });
});

describe('which index becomes which', () => {
  const space = {
    model: 'tiny@0123456789ab',
    preprocess: 'torchvision-256-224@1',
    layer: 'features',
    pool: 'gem',
    projection: null,
    dimensions: 8,
  } as const;

  async function plan(indexes: string[], alias: string, target?: string, before?: string) {
    const store = createMemoryStore();
    for (const name of indexes) await store.create(name, space);
    if (target !== undefined) await store.setAlias(alias, target);
    return planIndexes(store, alias, { before });
  }

  test.each<
    [indexes: string[], alias: string, target: string | undefined, before: string | undefined, after: string]
  >([
    [['photos-1'], 'photos', 'photos-1', undefined, 'photos-2'],
    [['photos-1', 'photos-2'], 'photos', 'photos-1', undefined, 'photos-3'],
    [['photos-7'], 'photos', 'photos-7', 'photos-7', 'photos-8'],
    [['photos'], 'live', undefined, 'photos', 'live-1'],
    [['holiday'], 'photos', 'holiday', undefined, 'photos-1'],
  ])('%j, alias %s of %s, --before %s: %s', async (indexes, alias, target, before, after) => {
    expect(await plan(indexes, alias, target, before)).toEqual({ before: target ?? before, after });
  });

  test('a new index that others have filled', async () => {
    const store = createMemoryStore();
    for (const name of ['photos-1', 'filled']) await store.create(name, space);
    await store.setAlias('photos', 'photos-1');
    expect(await planIndexes(store, 'photos', { after: 'filled' })).toEqual({
      before: 'photos-1',
      after: 'filled',
    });
    for (const after of ['photos-1', 'photos']) {
      await expect(planIndexes(store, 'photos', { after })).rejects.toThrow('for --after');
    }
  });

  test.each<[what: string, planned: () => Promise<unknown>, message: string]>([
    ['an index by that name', () => plan(['photos'], 'photos'), 'give the index with --before photos'],
    ['no alias and no index', () => plan([], 'photos'), 'Give the index that it is to replace with --before'],
    [
      'an alias of another',
      () => plan(['a', 'b'], 'photos', 'a', 'b'),
      "Expected 'b' behind the alias 'photos' but found 'a'",
    ],
  ])('%s is refused', async (_, planned, message) => {
    await expect(planned()).rejects.toThrow(message);
  });
});

test('on the command line', async () => {
  const place = join(root, 'cli-indexes');
  const shared = ['--in', place, '--from', photos, '--model', TINY, '--engine', 'winograd', '--threads', '1'];
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const complained = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const run = (...args: string[]) => main(['reindex', ...args]);
  expect(await main(['index', photos, '--to', place, '--index', 'first', '--model', TINY])).toBe(0);
  const one = ['live', ...shared, '--before', 'first', '--pool', 'avg', '--out', join(root, 'cli-1')];
  expect(await run(...one, '--min-overlap', '1')).toBe(1);
  expect(complained.mock.lastCall?.[0]).toContain('live still names what it did; live-1 stays beside it.');
  expect(await run(...one, '--min-overlap', '0', '--keep-alias')).toBe(0);
  expect(await run(...one, '--min-overlap', '0')).toBe(0);
  expect(printed.mock.lastCall?.[0]).toBe('live names live-1 now. first is kept; --drop-old deletes it.');
  expect(await run(...one, '--min-overlap', '0', '--drop-old')).toBe(0);
  expect(printed.mock.calls.at(-2)?.[0]).toBe('live names live-1 already. Another --out builds the next.');
  expect(
    await main(['search', '--id', '000/00001.jpg', '--in', place, '--index', 'live', '--model', TINY]),
  ).toBe(0);
  expect(await run('live', ...shared, '--out', join(root, 'cli-2'), '--min-overlap', '2')).toBe(2);
  printed.mockRestore();
  complained.mockRestore();
  const store = await openLanceDbStore(place);
  expect((await store.list()).map(({ name, items }) => [name, items])).toEqual([['live-1', COUNT]]);
  await store.close();
});
