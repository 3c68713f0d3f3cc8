// What processes leave in the folder of work goes, whoever may still be writing there.

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runDirectory } from '../../runner/run-directory.ts';
import { clearWork, emptyWork } from '../../runner/shard.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-shard-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Milliseconds. */
const WRITING = 150;

/** Files one after the other until the folder is gone. */
async function writeOn(place: string): Promise<void> {
  const start = performance.now();
  try {
    for (let file = 0; performance.now() - start < WRITING; file += 1) {
      await writeFile(join(place, String(file)), 'a shard');
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

test.each<[string, typeof clearWork, string[]]>([
  ['cleared at the start', clearWork, ['shard-000002.journal']],
  ['emptied at the end', emptyWork, []],
])('a folder that is %s while runners write there', async (_, remove, left) => {
  const directory = runDirectory(folder);
  const places = Array.from({ length: 10 }, (_, index) => join(directory.work, `shard-000001-${index}`));
  for (const place of places) await mkdir(place, { recursive: true });
  await writeFile(join(directory.work, 'shard-000002.journal'), '');
  const writing = Promise.all(places.map(writeOn));
  await remove(directory);
  await writing;
  expect(await readdir(directory.work)).toEqual(left);
});

test.each([clearWork, emptyWork])(
  'a folder that a killed process had just removed is made: %o',
  async (remove) => {
    const directory = runDirectory(folder);
    await remove(directory);
    expect(await readdir(directory.work)).toEqual([]);
  },
);
