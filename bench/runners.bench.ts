// How a run grows with its runners: four processes on one queue against one, each waiting for a slow source
// most of the time, so that the machine's cores are not what limits them. Needs a redis-server.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coordinate } from '../runner/queue/coordinate.ts';
import { connectQueue } from '../runner/queue/shard-jobs.ts';
import { runDirectory } from '../runner/run-directory.ts';
import { openRun } from '../runner/run-record.ts';
import { openSource } from '../runner/sources/open-source.ts';
import { HAS_REDIS, startRedis } from '../test/runner/redis-process.ts';
import { TINY, testRecord, writePhotos } from '../test/runner/run-fixture.ts';
import { table } from './measure.ts';

const IMAGES = 320;
const SHARD = 8;
/** Milliseconds for each image; a runner reads two at a time. */
const DELAY = 100;

export async function run(): Promise<void> {
  if (!HAS_REDIS) {
    console.log('Not measured: no redis-server on this machine.');
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-runners-'));
  try {
    const photos = join(folder, 'photos');
    await writePhotos(photos, IMAGES);
    const rates: number[] = [];
    for (const runners of [1, 2, 4])
      rates.push(await measureRunners(runners, photos, join(folder, `${runners}`)));
    const [one = Number.NaN] = rates;
    console.log(
      table(
        ['runners', 'images/s', 'of linear'],
        rates.map((rate, index) => [`${2 ** index}`, rate, (rate / one / 2 ** index).toFixed(3)]),
      ),
    );
    console.log(
      `\n${IMAGES} images in shards of ${SHARD}, ${DELAY} ms to read each, two at a time in a runner`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Images per second from when every runner is at work until the last shard is in its place. */
async function measureRunners(count: number, photos: string, out: string): Promise<number> {
  const redis = await startRedis();
  const script = join(import.meta.dirname, 'slow-runner.ts');
  const runners: ChildProcess[] = [];
  try {
    for (let index = 0; index < count; index += 1) {
      runners.push(spawn(process.execPath, [script, redis.url, String(DELAY)], { stdio: 'inherit' }));
    }
    const record = await testRecord({ photos, out, shardSize: SHARD, batch: 4 });
    const directory = runDirectory(out);
    await openRun(directory, record);
    let shards = 0;
    let start = 0;
    let startShards = 0;
    await coordinate({
      directory,
      record,
      source: await openSource(photos),
      model: TINY,
      connection: await connectQueue(redis.url),
      maxFailureRate: 0,
      retryFailed: false,
      signal: new AbortController().signal,
      watcher: {
        shard() {
          shards += 1;
          // By then every runner has started its threads and loaded its model.
          if (shards !== count * 4) return;
          start = performance.now();
          startShards = shards;
        },
      },
    });
    return ((shards - startShards) * SHARD * 1000) / (performance.now() - start);
  } finally {
    for (const runner of runners) {
      const exit = once(runner, 'exit');
      runner.kill('SIGTERM');
      await exit;
    }
    await redis.stop();
  }
}
