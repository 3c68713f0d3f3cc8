// vgg-edge reindex against the running Worker: it serves from the new index the moment the alias moves,
// without a restart and without an unanswered search.

import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { main } from '../../cli/main.ts';
import { type DevWorker, startDevWorker } from './worker.ts';

const SAMPLES = join(import.meta.dirname, '../../samples');
const PHOTOS = ['cat.jpg', 'macaw.jpg', 'espresso.jpg', 'goldfish.jpg'];

let worker: DevWorker;
let url = '';
let root = '';

beforeAll(async () => {
  worker = await startDevWorker();
  url = (await worker.url).origin;
  root = await mkdtemp(join(tmpdir(), 'vgg-edge-reindex-'));
  await mkdir(join(root, 'photos'));
  for (const photo of PHOTOS) await copyFile(join(SAMPLES, photo), join(root, 'photos', photo));
});

afterAll(async () => {
  await worker?.dispose();
  await rm(root, { recursive: true, force: true });
});

interface Answer {
  readonly data: readonly { readonly id?: string; readonly name?: string; readonly score?: number }[];
}

async function json(path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(`${url}${path}`, init);
  const body = (await response.json()) as Answer;
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body;
}

test('the Worker serves from the new index once the alias has moved', async () => {
  const quiet = [vi.spyOn(console, 'log'), vi.spyOn(console, 'error')];
  for (const spy of quiet) spy.mockImplementation(() => undefined);
  const photos = join(root, 'photos');
  expect(await main(['index', photos, '--to', url, '--index', 'photos-1', '--pool', 'gem'])).toBe(0);
  await json('/v1/aliases/photos', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ index: 'photos-1' }),
  });
  const cat = await readFile(join(SAMPLES, 'cat.jpg'));
  const searchByImage = () =>
    json('/v1/indexes/photos/search?top_k=2', {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: cat,
    });
  expect(await json('/v1/indexes/photos')).toMatchObject({ name: 'photos-1', space: { pool: 'gem' } });
  const before = await searchByImage();
  expect(before.data[0]).toMatchObject({ id: 'cat.jpg' });

  // Others go on asking by the alias all the while.
  let asking = true;
  let answers = 0;
  const others = (async () => {
    while (asking) {
      const { data } = await json('/v1/indexes/photos/search', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id: 'cat.jpg', top_k: 4 }),
      });
      expect(data).toHaveLength(4);
      answers += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  const shared = ['--in', url, '--from', photos, '--engine', 'winograd', '--threads', '1'];
  const args = ['photos', ...shared, '--pool', 'avg', '--min-overlap', '0', '--out', join(root, 'run')];
  const code = await main(['reindex', ...args]);
  asking = false;
  await others;
  expect(code, JSON.stringify(quiet.map((spy) => spy.mock.lastCall))).toBe(0);
  expect(answers).toBeGreaterThan(0);

  expect(await json('/v1/indexes/photos')).toMatchObject({
    name: 'photos-2',
    items: 4,
    space: { pool: 'avg' },
  });
  const after = await searchByImage();
  expect(after.data[0]).toMatchObject({ id: 'cat.jpg' });
  expect(after.data[1]?.score).not.toBe(before.data[1]?.score);

  expect(await main(['reindex', ...args, '--drop-old'])).toBe(0);
  const { data } = await json('/v1/indexes');
  expect(data.map((index) => index.name)).toEqual(['photos-2']);
  for (const spy of quiet) spy.mockRestore();
});
