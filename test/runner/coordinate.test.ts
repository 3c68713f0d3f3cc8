// The coordinator of a run on many machines: what it knows while it lists. The runner here
// is one whose images all fail.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMeter } from '../../runner/meter.ts';
import type { Pipeline } from '../../runner/pipeline.ts';
import type { Output, Source, SourceItem } from '../../runner/ports.ts';
import { type CoordinateParts, coordinate } from '../../runner/queue/coordinate.ts';
import { runShards } from '../../runner/queue/run-shards.ts';
import { connectQueue } from '../../runner/queue/shard-jobs.ts';
import { type RunDirectory, runDirectory } from '../../runner/run-directory.ts';
import { openRun } from '../../runner/run-record.ts';
import { HAS_REDIS, type RedisProcess, startRedis } from './redis-process.ts';
import { TINY, testRecord } from './run-fixture.ts';

const SHARD = 100;

describe.skipIf(!HAS_REDIS)('with a Redis', () => {
  let redis: RedisProcess;
  let folder: string;
  let directory: RunDirectory;
  const stop = new AbortController();

  beforeEach(async () => {
    redis = await startRedis();
    folder = await mkdtemp(join(tmpdir(), 'vgg-edge-coordinate-'));
    directory = runDirectory(join(folder, 'out'));
  });
  afterEach(async () => {
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  async function run(source: Source, parts: Partial<CoordinateParts>): Promise<unknown> {
    const record = await testRecord({ photos: folder, out: folder, shardSize: SHARD });
    await openRun(directory, record);
    return coordinate({
      directory,
      record,
      source,
      model: TINY,
      connection: await connectQueue(redis.url),
      maxFailureRate: 0.5,
      retryFailed: false,
      signal: stop.signal,
      ...parts,
    });
  }

  test('what runners end is counted while the source is being listed, and too many failures end the run', async () => {
    const runner = new AbortController();
    const running = runShards({
      connection: await connectQueue(redis.url),
      openWork: async () => ({ pipeline: FAILING, output: NOWHERE, close: async () => {} }),
      meter: createMeter(),
      signal: runner.signal,
      patience: 5000,
    });
    const shards: number[] = [];
    const watcher = { shard: ({ shard }: { shard: number }) => void shards.push(shard) };
    await expect(run(sourceOf(SHARD, endless), { watcher })).rejects.toThrow('100 of 100 did');
    expect(shards).toEqual([1]);
    runner.abort();
    await running;
  });
});

const endless = (): Promise<never> => new Promise(() => undefined);

/** `count` items, and then nothing until `then` resolves. */
function sourceOf(count: number, then: () => Promise<void>): Source {
  return {
    name: 'items',
    async *list(): AsyncGenerator<SourceItem> {
      for (let index = 0; index < count; index += 1) {
        yield { id: String(index), location: 'nowhere', metadata: {} };
      }
      await then();
    },
    read: () => Promise.reject(new Error('Expected nothing to be read here.')),
    async close() {},
  };
}

const FAILING: Pipeline = {
  async feed(items, take) {
    const failed = items.map(({ id, location }) => ({ id, location, code: 'invalid_file', reason: '403' }));
    return { finished: take({ rows: [], failed }) };
  },
};

const NOWHERE: Output = {
  begin: async () => ({ write: async () => {}, finish: async () => {}, abandon: async () => {} }),
  refusesZeros: false,
  close: async () => {},
};
