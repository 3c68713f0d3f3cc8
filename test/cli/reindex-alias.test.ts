// vgg-edge reindex with the tiny model: what moves the alias, what keeps it where it is, and the command line.

import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { main } from '../../cli/main.ts';
import { build, compare, isMoved } from '../../cli/reindex-session.ts';
import { beginAnew } from '../../runner/reindex-state.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { openLanceDbStore } from '../../search/node/lancedb-store.ts';
import { TINY } from '../runner/run-fixture.ts';
import { COUNT, useReindex } from './reindex-fixture.ts';

const { place, openSession, reindex, fill } = useReindex();

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
    expect(page).toContain('Against the new index: on average');
    expect(page).toMatch(/<caption>Of the 5 nearest are the same<\/caption>.*<meter value=.*class="marked"/s);
    expect(page.match(/data:image\/jpeg;base64/g)?.length).toBeGreaterThan(20);
  });

  test('items of the old index that would be gone, unless that is allowed', async () => {
    const store = createMemoryStore();
    await fill(store, 'gone-1');
    const from = join(place.root, 'fewer');
    await cp(place.photos, from, { recursive: true });
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
      location: join(place.photos, '000/00000.jpg'),
      code: 'engine_failed',
    });
    const [kept] = await (await store.open('photos-2')).get(['000/00003.jpg']);
    expect(Object.keys(kept?.metadata ?? {})).toEqual(['sha256']);
  });

  test('too many images that fail; each has its line', async () => {
    const store = createMemoryStore();
    await fill(store, 'fail-1');
    const from = join(place.root, 'broken');
    await cp(place.photos, from, { recursive: true });
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
    const from = join(place.root, 'mended');
    await cp(place.photos, from, { recursive: true });
    await writeFile(join(from, '000/00004.jpg'), 'no image');
    const wanted = { store, out: 'mended-2', pool: 'avg', from } as const;
    await expect(reindex(wanted)).rejects.toThrow('--retry-failed');
    await cp(join(place.photos, '000/00004.jpg'), join(from, '000/00004.jpg'));
    const session = await openSession(wanted);
    const built = await build({ ...session, state: await beginAnew(session.folder, session.state) });
    expect(built.state).toMatchObject({ position: COUNT, embedded: 1, unchanged: COUNT - 1, failed: 0 });
    expect(await readFile(session.folder.failures, 'utf8')).toBe('');
    expect(await compare(session, built)).toEqual([]);
  });
});

test('on the command line', async () => {
  const indexes = join(place.root, 'cli-indexes');
  const shared = [
    '--in',
    indexes,
    '--from',
    place.photos,
    '--model',
    TINY,
    '--engine',
    'winograd',
    '--threads',
    '1',
  ];
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const complained = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const run = (...args: string[]) => main(['reindex', ...args]);
  expect(await main(['index', place.photos, '--to', indexes, '--index', 'first', '--model', TINY])).toBe(0);
  const one = ['live', ...shared, '--before', 'first', '--pool', 'avg', '--out', join(place.root, 'cli-1')];
  const atOnce = await Promise.all([1, 2].map(() => run(...one, '--min-overlap', '1')));
  expect(atOnce).toEqual([1, 1]);
  expect(complained.mock.calls.flat().join('\n')).toMatch(
    /cli-1 for this process alone, .* is at work in it/,
  );
  expect(complained.mock.lastCall?.[0]).toContain('live still names what it did; live-1 stays beside it.');
  expect(await run(...one, '--min-overlap', '0', '--keep-alias')).toBe(0);
  expect(await run(...one, '--min-overlap', '0')).toBe(0);
  expect(printed.mock.lastCall?.[0]).toBe('live names live-1 now. first is kept; --drop-old deletes it.');
  expect(await run(...one, '--min-overlap', '0', '--drop-old')).toBe(0);
  expect(printed.mock.calls.at(-2)?.[0]).toBe('live names live-1 already. Another --out builds the next.');
  expect(
    await main(['search', '--id', '000/00001.jpg', '--in', indexes, '--index', 'live', '--model', TINY]),
  ).toBe(0);
  expect(await run('live', ...shared, '--out', join(place.root, 'cli-2'), '--min-overlap', '2')).toBe(2);
  printed.mockRestore();
  complained.mockRestore();
  const store = await openLanceDbStore(indexes);
  expect((await store.list()).map(({ name, items }) => [name, items])).toEqual([['live-1', COUNT]]);
  await store.close();
});
