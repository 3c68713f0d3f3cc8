// A run killed (-9) again and again at random moments, and gone on with each time by the same command: the
// bytes are those of a run that nobody disturbed, so nothing is lost and nothing is there twice.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { killRuns, startRun } from './kill-runs.ts';
import { runBytes, TINY, writePhotos } from './run-fixture.ts';

const KILLS = 20;
const OPTIONS = [
  '--model',
  TINY,
  '--engine',
  'winograd',
  '--threads',
  '1',
  '--batch',
  '3',
  '--shard-size',
  '8',
];

let folder: string;
let photos: string;
let undisturbed: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-kill-'));
  photos = join(folder, 'photos');
  await writePhotos(photos, 160, 11);
  expect(await startRun(photos, join(folder, 'whole'), OPTIONS).ended).toBe(0);
  undisturbed = await runBytes(join(folder, 'whole'));
});
afterAll(() => rm(folder, { recursive: true }));

test(`${KILLS} kills at random moments`, async () => {
  const out = join(folder, 'killed');
  const ends = await killRuns({ photos, out, options: OPTIONS, kills: KILLS, within: 400 });
  expect(ends.length).toBeGreaterThan(0);
  for (const bytes of ends) expect(bytes).toEqual(undisturbed);
});

test.skipIf(process.platform === 'win32')(
  'Ctrl-C: the batch in work is finished, and the exit code says so',
  async () => {
    const out = join(folder, 'interrupted');
    const run = startRun(photos, out, OPTIONS);
    const events: string[] = [];
    let shards = 0;
    run.onEvent(({ event }) => {
      events.push(event);
      if (event !== 'shard') return;
      shards += 1;
      if (shards === 2) run.child.kill('SIGINT');
    });
    expect(await run.ended).toBe(130);
    expect(events).toContain('stopping');
    expect(await startRun(photos, out, OPTIONS).ended).toBe(0);
    expect(await runBytes(out)).toEqual(undisturbed);
  },
);

test.skipIf(process.platform === 'win32')(
  'Ctrl-C twice: it ends at once, by the signal, and goes on all the same',
  async () => {
    const out = join(folder, 'interrupted-twice');
    const run = startRun(photos, out, OPTIONS);
    // Until it ends, without waiting for what it says: it might be done before the second is sent.
    let pressing: NodeJS.Timeout | undefined;
    run.onEvent(({ event }) => {
      if (event === 'shard') pressing ??= setInterval(() => run.child.kill('SIGINT'), 5);
    });
    expect(await run.ended).toBe('SIGINT');
    clearInterval(pressing);
    expect(await startRun(photos, out, OPTIONS).ended).toBe(0);
    expect(await runBytes(out)).toEqual(undisturbed);
  },
);
