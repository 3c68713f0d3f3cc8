// A run killed (-9) again and again at random moments, and gone on with each time by the same command: the
// bytes are those of a run that nobody disturbed, so nothing is lost and nothing is there twice.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runBytes, TINY, writePhotos } from './run-fixture.ts';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');
const KILLS = 20;

let folder: string;
let photos: string;
let undisturbed: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-kill-'));
  photos = join(folder, 'photos');
  await writePhotos(photos, 160, 11);
  expect(await start(join(folder, 'whole')).ended).toBe(0);
  undisturbed = await runBytes(join(folder, 'whole'));
});
afterAll(() => rm(folder, { recursive: true }));

function start(out: string) {
  const options = ['--engine', 'winograd', '--threads', '1', '--batch', '3', '--shard-size', '8', '--json'];
  const child = spawn(process.execPath, [MAIN, 'embed', photos, '--out', out, '--model', TINY, ...options], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(child, 'exit').then(([code, signal]: (number | string | null)[]) => code ?? signal);
  return { child, ended };
}

test(`${KILLS} kills at random moments`, async () => {
  const out = join(folder, 'killed');
  let kills = 0;
  while (kills < KILLS) {
    const { child, ended } = start(out);
    const work = 1 + Math.floor(Math.random() * 4);
    // Half of them while a shard is put in its place, the others anywhere.
    const aimed = kills % 2 === 0;
    const kill = (within: number) => setTimeout(() => child.kill('SIGKILL'), Math.random() * within);
    let shards = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { event, how } = JSON.parse(line);
      if (aimed && event === 'shard' && how === 'done') {
        shards += 1;
        if (shards === work) kill(15);
      }
      if (!aimed && event === 'start') kill(400);
    });
    if ((await ended) === 'SIGKILL') {
      kills += 1;
      continue;
    }
    expect(await ended).toBe(0);
    expect(await runBytes(out)).toEqual(undisturbed);
    await rm(out, { recursive: true });
  }
  expect(await start(out).ended).toBe(0);
  expect(await runBytes(out)).toEqual(undisturbed);
});

test.skipIf(process.platform === 'win32')(
  'Ctrl-C: the batch in work is finished, and the exit code says so',
  async () => {
    const out = join(folder, 'interrupted');
    const { child, ended } = start(out);
    const events: { event: string }[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      events.push(JSON.parse(line));
      if (events.filter(({ event }) => event === 'shard').length === 2) child.kill('SIGINT');
    });
    expect(await ended).toBe(130);
    expect(events.map(({ event }) => event)).toContain('stopping');
    expect(await start(out).ended).toBe(0);
    expect(await runBytes(out)).toEqual(undisturbed);
  },
);
