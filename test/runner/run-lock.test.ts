// The lock of a run directory: whose lock counts as dead, and that one process alone takes it over.

import { mkdtemp, open, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SourceError } from '../../core/errors.ts';
import { lockRun } from '../../runner/run-lock.ts';

vi.mock('node:fs/promises', async (original) => {
  const files = await original<typeof import('node:fs/promises')>();
  return { ...files, open: vi.fn(files.open) };
});

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-lock-'));
  path = join(folder, '.lock');
});
afterEach(() => rm(folder, { recursive: true }));

const owner = (host: string, pid: number, began = performance.timeOrigin) =>
  JSON.stringify({ host, pid, began, token: 'one' });
/** No process of this machine. */
const NOBODY = 2 ** 30;

test.each<[whose: string, text: string, seconds: number, taken: boolean]>([
  ['a living process', owner(hostname(), process.pid), 10, false],
  ['a process of another machine', owner('elsewhere', NOBODY), 10, false],
  ['a process that had our pid before us', owner(hostname(), process.pid, 1), 0, true],
  ['a process that was killed before it wrote it', '', 4, true],
  ['a dead process', owner(hostname(), NOBODY), 0, true],
  ['a living process that was suspended', owner(hostname(), process.pid), 61, true],
  ['a process of another machine that went silent', owner('elsewhere', NOBODY), 61, true],
  ['nobody knows whom', '{"pid":', 6, true],
])('the lock of %s', async (_, text, seconds, taken) => {
  await writeFile(path, text);
  const then = new Date(Date.now() - seconds * 1000);
  await utimes(path, then, then);
  if (!taken) {
    await expect(lockRun(folder)).rejects.toThrow('is at work in it');
    expect(await readFile(path, 'utf8')).toBe(text);
    return;
  }
  const lock = await lockRun(folder);
  expect(await readFile(path, 'utf8')).not.toBe(text);
  await lock.release();
  expect(await readdir(folder)).toEqual([]);
});

test('of many that take over a dead lock one gets it', async () => {
  await writeFile(path, owner(hostname(), NOBODY));
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => lockRun(folder)));
  const locks = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  expect(locks).toHaveLength(1);
  await locks[0]?.release();
  expect(await readdir(folder)).toEqual([]);
});

test('what a take-over left that was killed goes with the lock', async () => {
  await writeFile(join(folder, '.lock-takeover'), owner(hostname(), NOBODY));
  const lock = await lockRun(folder);
  await lock.release();
  expect(await readdir(folder)).toEqual([]);
});

test('one that is held up before it has written its lock, and is taken for dead, does not hold it', async () => {
  const other = owner('elsewhere', NOBODY);
  const unheld = vi.mocked(open).getMockImplementation();
  vi.mocked(open).mockImplementationOnce(async (...args) => {
    const file = await unheld?.(...args);
    if (file === undefined) throw new Error('Expected to open it.');
    return Object.assign(file, {
      async writeFile(text: string) {
        await rm(path);
        await writeFile(path, other);
        await file.write(text);
      },
    });
  });
  await expect(lockRun(folder)).rejects.toThrow(`process ${NOBODY} on elsewhere is at work in it`);
  expect(await readFile(path, 'utf8')).toBe(other);
});

test('a lock that cannot be written, by its name', async () => {
  const nowhere = join(folder, 'nowhere');
  const locked = lockRun(nowhere);
  await expect(locked).rejects.toBeInstanceOf(SourceError);
  await expect(locked).rejects.toThrow(`Expected to write ${join(nowhere, '.lock')} but could not: ENOENT`);
});

test('a lock that is being written is waited for', async () => {
  await writeFile(path, '');
  const locking = lockRun(folder);
  setTimeout(() => writeFile(path, owner('elsewhere', NOBODY)), 300);
  await expect(locking).rejects.toThrow(`process ${NOBODY} on elsewhere is at work in it`);
});
