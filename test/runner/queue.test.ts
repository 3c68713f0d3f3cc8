// A run by runners that take its shards from a queue: whoever dies, the bytes are those of a run by one
// process that nobody disturbed.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decodeNpy } from '../../core/npy.ts';
import { createMeter, type Lap } from '../../runner/meter.ts';
import { openWork } from '../../runner/open-work.ts';
import { type CoordinateParts, coordinate } from '../../runner/queue/coordinate.ts';
import { type RunnerWork, runShards } from '../../runner/queue/run-shards.ts';
import { connectQueue } from '../../runner/queue/shard-jobs.ts';
import { runDirectory } from '../../runner/run-directory.ts';
import { openRun, type RunRecord } from '../../runner/run-record.ts';
import { openSource } from '../../runner/sources/open-source.ts';
import { tinyModel } from '../engine/tiny-model.ts';
import { HAS_REDIS, type RedisProcess, startRedis } from './redis-process.ts';
import { runBytes, TINY, testRecord, tinyDescriber, tinyEngine, writePhotos } from './run-fixture.ts';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');
/** Seconds without a sign of life after which a runner's shards are taken over. */
const PATIENCE = 2;

let folder: string;
let photos: string;
let out: string;
let redis: RedisProcess;
let undisturbed: Record<string, string>;
const started: ChildProcess[] = [];

function vggEdge(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const output: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => output.push(line));
  const complaints = createInterface({ input: child.stderr });
  complaints.on('line', (line) => output.push(line));
  const ended = once(child, 'exit').then(([code, signal]: (number | string | null)[]) => code ?? signal);
  /** Resolves when a line on stderr has the text. */
  const said = (text: string) =>
    new Promise<void>((resolve) => {
      if (output.some((line) => line.includes(text))) resolve();
      complaints.on('line', (line) => {
        if (line.includes(text)) resolve();
      });
    });
  return { child, ended, output, lines, said };
}

const OPTIONS = ['--model', TINY, '--engine', 'winograd:int8', '--batch', '4', '--shard-size', '8', '--json'];
const embed = (to: string, ...args: string[]) => vggEdge('embed', photos, '--out', to, ...OPTIONS, ...args);
const runner = () =>
  vggEdge('runner', '--queue', redis.url, '--patience', String(PATIENCE), '--threads', '1');

describe.skipIf(!HAS_REDIS)('with a Redis', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vgg-edge-queue-'));
    photos = join(folder, 'photos');
    out = join(folder, 'out');
    await writePhotos(photos, 240, 17);
    const whole = embed(join(folder, 'whole'));
    expect(await whole.ended, whole.output.join('\n')).toBe(0);
    undisturbed = await runBytes(join(folder, 'whole'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const child of started.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
    await redis.stop();
    await rm(out, { recursive: true, force: true });
  });

  test('four runners, two of them killed (-9) at random moments', async () => {
    const runners = [runner(), runner(), runner(), runner()];
    // Each takes two shards at once then; one that came late might find none left.
    await Promise.all(runners.map(({ said }) => said('Waiting for shards')));
    const coordinator = embed(out, '--queue', redis.url);
    const killed = runners.slice(0, 2).map(({ child, lines, ended }) => {
      let rest = 1 + Math.floor(Math.random() * 2);
      lines.on('line', () => {
        rest -= 1;
        if (rest === 0) setTimeout(() => child.kill('SIGKILL'), Math.random() * 60);
      });
      return ended;
    });
    expect(await coordinator.ended, coordinator.output.join('\n')).toBe(0);
    expect(await Promise.all(killed)).toEqual(['SIGKILL', 'SIGKILL']);
    const { session } = JSON.parse(coordinator.output.at(-1) ?? '');
    expect(session.shares.engine).toBeGreaterThan(0);
    expect(session.shares.engine).toBeLessThanOrEqual(1);
    expect(await runBytes(out)).toEqual(undisturbed);
    const rest = runners.slice(2);
    for (const { child } of rest) child.kill('SIGINT');
    expect(await Promise.all(rest.map(({ ended }) => ended))).toEqual([0, 0]);
  });

  test('a coordinator killed (-9) is started again, and finds what the runners did', async () => {
    const first = embed(out, '--queue', redis.url);
    runner();
    let shards = 0;
    first.lines.on('line', (line) => {
      if (JSON.parse(line).event === 'shard') shards += 1;
      if (shards === 3) first.child.kill('SIGKILL');
    });
    expect(await first.ended).toBe('SIGKILL');
    const second = embed(out, '--queue', redis.url);
    expect(await second.ended, second.output.join('\n')).toBe(0);
    expect(await runBytes(out)).toEqual(undisturbed);
  });

  test('a Redis that loses its memory is told again', async () => {
    const coordinator = embed(out, '--queue', redis.url);
    runner();
    let shards = 0;
    coordinator.lines.on('line', (line) => {
      if (JSON.parse(line).event === 'shard') shards += 1;
      if (shards === 3) void redis.forget();
    });
    expect(await coordinator.ended, coordinator.output.join('\n')).toBe(0);
    expect(await runBytes(out)).toEqual(undisturbed);
  });

  test('a run begun by runners is finished without them', async () => {
    const coordinator = embed(out, '--queue', redis.url);
    runner();
    let shards = 0;
    coordinator.lines.on('line', (line) => {
      if (JSON.parse(line).event !== 'shard') return;
      shards += 1;
      // A second would end it at once.
      if (shards === 1) coordinator.child.kill('SIGINT');
    });
    expect(await coordinator.ended).toBe(130);
    // The shards that the runner had begun are its own to finish or to lose.
    const alone = embed(out);
    expect(await alone.ended, alone.output.join('\n')).toBe(0);
    expect(await runBytes(out)).toEqual(undisturbed);
  });

  test('told to stop while Redis is away, coordinator and runner end, and the run can go on', async () => {
    const coordinator = embed(out, '--queue', redis.url);
    const taking = runner();
    await once(coordinator.lines, 'line');
    await once(taking.lines, 'line');
    await redis.stop();
    for (const { child } of [coordinator, taking]) child.kill('SIGINT');
    expect(await Promise.all([coordinator.ended, taking.ended])).toEqual([130, 0]);
    const alone = embed(out);
    expect(await alone.ended, alone.output.join('\n')).toBe(0);
    expect(await runBytes(out)).toEqual(undisturbed);
  });

  test('a run that is done needs neither Redis nor engine', async () => {
    expect(await embed(out).ended).toBe(0);
    const again = embed(out, '--queue', 'redis://127.0.0.1:1');
    expect(await again.ended, again.output.join('\n')).toBe(0);
    expect(again.output.filter((line) => JSON.parse(line).event === 'engine')).toEqual([]);
    expect(await runBytes(out)).toEqual(undisturbed);
  });

  describe('in this process', () => {
    const { manifest } = tinyModel();
    const meter = createMeter();

    async function openTiny(record: RunRecord): Promise<RunnerWork> {
      const engine = await tinyEngine();
      const work = await openWork({ record, manifest, describer: await tinyDescriber(), meter, threads: 1 });
      return {
        output: work.output,
        pipeline: work.openPipeline(engine, new AbortController().signal),
        async close() {
          await work.close();
          await engine.dispose();
        },
      };
    }

    /** Without listeners. `ended` resolves some time after `stop`. */
    async function startRunner(open: (record: RunRecord) => Promise<RunnerWork>) {
      const stopping = new AbortController();
      const ended = runShards({
        connection: await connectQueue(redis.url),
        meter,
        openWork: open,
        signal: stopping.signal,
        patience: PATIENCE * 1000,
      });
      ended.catch(() => undefined);
      return { ended, stop: () => stopping.abort() };
    }

    async function coordinateHere(
      shardSize: number,
      watcher: CoordinateParts['watcher'] = {},
      changes: Partial<RunRecord> = {},
    ) {
      const record = { ...(await testRecord({ photos, out, shardSize })), ...changes };
      const directory = runDirectory(out);
      await openRun(directory, record);
      return await coordinate({
        directory,
        record,
        source: await openSource(photos),
        model: TINY,
        connection: await connectQueue(redis.url),
        maxFailureRate: 1,
        retryFailed: false,
        signal: new AbortController().signal,
        watcher,
      });
    }

    test('a runner that nobody listens to publishes its shards, and tells what its stages did', async () => {
      const { ended, stop } = await startRunner(openTiny);
      const laps: Lap[] = [];
      const totals = await coordinateHere(8, { lap: (lap) => laps.push(lap) });
      stop();
      await ended;
      expect(totals).toMatchObject({ items: 240, shards: 30 });
      expect(laps.length).toBeGreaterThan(0);
      expect(Math.max(...laps.map(({ shares }) => shares.engine))).toBeGreaterThan(0);
    });

    test('a run that is begun anew in the same place, and asked for something else, is opened anew', async () => {
      const opened: RunRecord[] = [];
      const { ended, stop } = await startRunner((record) => {
        opened.push(record);
        return openTiny(record);
      });
      await coordinateHere(60);
      await rm(out, { recursive: true });
      await coordinateHere(60, {}, { dtype: 'int8' });
      stop();
      await ended;
      expect(opened.map(({ dtype }) => dtype)).toEqual(['float32', 'int8']);
      expect(decodeNpy(await readFile(join(out, 'shard-000001.npy'))).dtype).toBe('int8');
    });

    test('a runner that cannot work on a run ends with the reason, and takes no shard with it', async () => {
      const bad = await startRunner(() => Promise.reject(new Error('No GPU here.')));
      const run = coordinateHere(60);
      await expect(bad.ended).rejects.toThrow('No GPU here.');
      const { ended, stop } = await startRunner(openTiny);
      expect(await run).toMatchObject({ items: 240, shards: 4 });
      stop();
      await ended;
    });

    test('a shard that no runner can do fails the run, with the reason', async () => {
      const lost = new Error('The GPU is lost.');
      const { ended, stop } = await startRunner(async (record) => {
        const work = await openTiny(record);
        return { ...work, pipeline: { feed: () => Promise.reject(lost) } };
      });
      await expect(coordinateHere(300)).rejects.toThrow(
        /1 failed 3 times, first shard-000001: The GPU is lost\. Mend/,
      );
      stop();
      await ended;
    });
  });
});

test('a Redis that is not there is named, without its password', async () => {
  const { ended, output } = vggEdge('runner', '--queue', 'redis://me:secret@127.0.0.1:1');
  expect(await ended).toBe(3);
  expect(output.join('\n')).toMatch(
    /a Redis at 127\.0\.0\.1:1 for --queue but could not: connect ECONNREFUSED/,
  );
  expect(output.join('\n')).not.toContain('secret');
});
