// A run in one process: every input ends as a vector or a failure, and the bytes do not depend on how the
// run came to its end.

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { InputError, ModelError, SourceError } from '../../core/errors.ts';
import { decodeNpy } from '../../core/npy.ts';
import type { Engine } from '../../core/ports.ts';
import { createDecodePool } from '../../runner/decode-pool.ts';
import { writeDurably } from '../../runner/durable-file.ts';
import type { Output, Source } from '../../runner/ports.ts';
import { runDirectory } from '../../runner/run-directory.ts';
import { openRun } from '../../runner/run-record.ts';
import { StoppedError } from '../../runner/stopped.ts';
import { tinyModel } from '../engine/tiny-model.ts';
import {
  embedOneByOne,
  LIMITS,
  readFailures,
  runBytes,
  testRecord,
  testRun,
  writePhotos,
} from './run-fixture.ts';

const PHOTOS = 60;
const OTHERS = JSON.stringify({ host: 'elsewhere', pid: 1, token: 'of another' });
let folder: string;
let photos: string;
let out: string;
let undisturbed: Record<string, string>;
let number = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-run-'));
  photos = join(folder, 'photos');
  await writePhotos(photos, PHOTOS, 7);
  const whole = join(folder, 'whole');
  await testRun({ photos, out: whole });
  undisturbed = await runBytes(whole);
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  number += 1;
  out = join(folder, `run-${number}`);
});
afterEach(() => rm(out, { recursive: true, force: true }));

describe('nothing is lost', () => {
  test('each input is a row in its shard or a line in failures.jsonl, with its reason', async () => {
    const totals = await testRun({ photos, out });
    expect(totals).toEqual({ items: 60, vectors: 52, failed: 8, shards: 8 });
    const failures = await readFailures(out);
    expect(failures.map(({ id }) => id).slice(0, 4)).toEqual([
      '000/00006.jpg',
      '001/00013.jpg',
      '002/00020.jpg',
      '002/00027.jpg',
    ]);
    expect(failures[0]).toMatchObject({
      code: 'unsupported_image',
      reason: expect.stringMatching(/Expected/),
    });
    const rows: number[] = [];
    for (const shard of [1, 2, 3, 8]) {
      rows.push(decodeNpy(await readFile(join(out, `shard-00000${shard}.npy`))).shape[0] ?? 0);
    }
    expect(rows).toEqual([7, 7, 7, 4]);
  });

  test('the vectors are those of the embedder that the API runs', async () => {
    const samples = join(import.meta.dirname, '../../samples');
    await testRun({ photos: samples, out, shardSize: 100 });
    const { data, shape } = decodeNpy(await readFile(join(out, 'shard-000001.npy')));
    const items = (await readFile(join(out, 'items/shard-000001.jsonl'), 'utf8')).trim().split('\n');
    const expected = await embedOneByOne(items.map((line) => join(samples, JSON.parse(line).id)));
    expect(shape[0]).toBe(items.length);
    expect(data).toEqual(expected);
  });

  test('a failed image does not touch the vectors of the others in its batch', async () => {
    const one = join(folder, 'one');
    await writePhotos(one, 4);
    await testRun({ photos: one, out });
    const whole = decodeNpy(await readFile(join(out, 'shard-000001.npy'))).data;
    await writeFile(join(one, '000/00001.jpg'), 'broken');
    await rm(out, { recursive: true });
    await testRun({ photos: one, out });
    const { data, shape } = decodeNpy(await readFile(join(out, 'shard-000001.npy')));
    const row = whole.length / 4;
    expect(shape[0]).toBe(3);
    expect(data.subarray(0, row)).toEqual(whole.subarray(0, row));
    expect(data.subarray(row)).toEqual(whole.subarray(2 * row));
    await rm(one, { recursive: true });
  });

  test('what cannot be reached is tried again, and fails with its reason', async () => {
    const attempts = new Map<string, number>();
    const flaky = (source: Source): Source => ({
      ...source,
      async read(item, maxBytes) {
        const attempt = (attempts.get(item.id) ?? 0) + 1;
        attempts.set(item.id, attempt);
        const lost = item.id === '000/00001.jpg';
        if (lost || (item.id === '000/00002.jpg' && attempt < 3)) {
          throw new SourceError('unreachable', 'Connection reset.');
        }
        return source.read(item, maxBytes);
      },
    });
    const totals = await testRun({ photos, out, interfere: flaky });
    expect(totals).toMatchObject({ vectors: 51, failed: 9 });
    expect(attempts.get('000/00001.jpg')).toBe(3);
    expect((await readFailures(out))[0]).toMatchObject({ code: 'unreachable', reason: 'Connection reset.' });
  });

  test('a vector of zeros is one where it is written to files, and a failure where a search must find it', async () => {
    const first = await testRun({ photos, out });
    await rm(out, { recursive: true });
    const interfereEngine = (engine: Engine): Engine => ({
      ...engine,
      async run(batch, taps) {
        const run = await engine.run(batch, taps);
        const { features } = run.outputs;
        features?.fill(0, 0, features.length / batch.images);
        return run;
      },
    });
    expect(await testRun({ photos, out, batch: 60, shardSize: 60, interfereEngine })).toMatchObject({
      vectors: first.vectors,
    });
    await rm(out, { recursive: true });
    const interfereOutput = (output: Output): Output => ({ ...output, refusesZeros: true });
    const totals = await testRun({ photos, out, batch: 60, shardSize: 60, interfereEngine, interfereOutput });
    expect(totals).toMatchObject({ vectors: first.vectors - 1, failed: first.failed + 1 });
    expect((await readFailures(out))[0]).toMatchObject({
      id: '000/00000.jpg',
      code: 'engine_failed',
      reason: expect.stringContaining('all zeros'),
    });
  });

  test('an image that decodes for too long is given up, and its thread replaced', async () => {
    const decoders = createDecodePool({
      sizes: tinyModel().manifest.preprocess,
      limits: LIMITS,
      threads: 1,
      patience: 0,
    });
    const totals = await testRun({ photos, out, decoders });
    await decoders.close();
    expect(totals).toMatchObject({ items: 60, vectors: 0, failed: 60 });
    expect((await readFailures(out))[0]).toMatchObject({
      code: 'decoder_failed',
      reason: expect.stringMatching(/longer than 0 s/),
    });
  });

  test('an image over the limit of bytes is refused', async () => {
    const large = join(folder, 'large');
    await mkdir(large);
    await writeFile(join(large, 'large.jpg'), Buffer.alloc(LIMITS.maxBytes + 1));
    await testRun({ photos: large, out });
    expect((await readFailures(out))[0]).toMatchObject({ code: 'image_too_large' });
  });

  test('more failures than allowed stop the run, and it goes on when they are allowed', async () => {
    const broken = join(folder, 'broken');
    await writePhotos(broken, 120, 2);
    const refused = testRun({ photos: broken, out, maxFailureRate: 0.4 });
    await expect(refused).rejects.toThrow(/at most 40 % .* of 1\d\d did.*--max-failure-rate/);
    expect(await testRun({ photos: broken, out, maxFailureRate: 0.5 })).toMatchObject({ failed: 60 });
  });

  test.each([
    ['while it runs', 120, /of 1[01]\d did/],
    ['at its end', 60, /of 60 did/],
  ])(
    'a run stopped by failures %s goes on with --retry-failed once they are mended',
    async (_, count, did) => {
      const many = join(folder, `mended-${count}`);
      await writePhotos(many, count, 11);
      const whole = join(folder, `mended-${count}-whole`);
      await testRun({ photos: many, out: whole });
      const refusing = (source: Source): Source => ({
        ...source,
        async read(item, maxBytes) {
          if (item.id < '000/00005.jpg') return source.read(item, maxBytes);
          throw new InputError('invalid_file', '403 Access Denied');
        },
      });
      const stops = { photos: many, out, maxFailureRate: 0.5 };
      await expect(testRun({ ...stops, interfere: refusing })).rejects.toThrow(did);
      await expect(testRun(stops)).rejects.toThrow(/--retry-failed/);
      await testRun({ ...stops, retryFailed: true });
      expect(await runBytes(out)).toEqual(await runBytes(whole));
    },
  );

  test('failures of a finished run are tried again when that is asked for, and nothing else is', async () => {
    await testRun({ photos, out });
    const read: string[] = [];
    const watched = (source: Source): Source => ({
      ...source,
      read(item, maxBytes) {
        read.push(item.id);
        return source.read(item, maxBytes);
      },
    });
    await testRun({ photos, out, interfere: watched, retryFailed: true });
    // Of the shards of 8 all but the last hold one.
    expect(read).toHaveLength(56);
    expect(await runBytes(out)).toEqual(undisturbed);
  });
});

describe('stopped and resumed, the bytes are those of an undisturbed run', () => {
  test.each([1, 2, 3, 5, 7])('after %i batches', async (batches) => {
    const controller = new AbortController();
    let seen = 0;
    const watcher = {
      batch() {
        seen += 1;
        if (seen === batches) controller.abort();
      },
    };
    await expect(testRun({ photos, out, signal: controller.signal, watcher })).rejects.toThrow(StoppedError);
    const read: string[] = [];
    const watched = (source: Source): Source => ({
      ...source,
      read(item, maxBytes) {
        read.push(item.id);
        return source.read(item, maxBytes);
      },
    });
    await testRun({ photos, out, interfere: watched });
    // Batches of 4: none that was finished is done again.
    expect(read).toHaveLength(PHOTOS - Math.min(seen * 4, PHOTOS));
    expect(await runBytes(out)).toEqual(undisturbed);
  });

  test('after the journal of the shard in work lost its end, and then a byte in the middle', async () => {
    const controller = new AbortController();
    const watcher = { batch: () => controller.abort() };
    const stopped = testRun({ photos, out, shardSize: 60, signal: controller.signal, watcher });
    await expect(stopped).rejects.toThrow(StoppedError);
    const journal = join(out, 'work/shard-000001.journal');
    const bytes = await readFile(journal);
    const whole = join(folder, 'whole-60');
    await testRun({ photos, out: whole, shardSize: 60 });
    const damages = [
      bytes.subarray(0, -1),
      // As of a process that woke up after its lock was taken over.
      Buffer.concat([bytes, bytes]),
      Buffer.from(bytes).fill(1, 100, 101),
      Buffer.alloc(1000, 255),
    ];
    for (const damaged of damages) {
      await writeFile(journal, damaged);
      const again = join(folder, 'again');
      await cp(out, again, { recursive: true });
      await testRun({ photos, out: again, shardSize: 60 });
      expect(await runBytes(again)).toEqual(await runBytes(whole));
      await rm(again, { recursive: true });
    }
    await rm(whole, { recursive: true });
  });

  test('while the source is being listed', async () => {
    const controller = new AbortController();
    const source = (inner: Source): Source => ({
      ...inner,
      async *list() {
        let items = 0;
        for await (const item of inner.list()) {
          items += 1;
          if (items === 12) controller.abort();
          yield item;
        }
      },
    });
    const stopped = testRun({ photos, out, signal: controller.signal, interfere: source });
    await expect(stopped).rejects.toThrow(StoppedError);
    await testRun({ photos, out });
    expect(await runBytes(out)).toEqual(undisturbed);
  });

  test('a file of a finished shard that is gone or cut short is made again', async () => {
    await testRun({ photos, out });
    await rm(join(out, 'shard-000002.npy'));
    await writeFile(join(out, 'shard-000003.parquet'), 'short');
    await testRun({ photos, out });
    expect(await runBytes(out)).toEqual(undisturbed);
  });

  test('what is done is not done again', async () => {
    await testRun({ photos, out });
    const unread = (source: Source): Source => ({ ...source, read: () => Promise.reject(new Error('read')) });
    expect(await testRun({ photos, out, interfere: unread })).toMatchObject({ vectors: 52 });
  });
});

describe('what fails stops the run at once, with its reason, and the run goes on', () => {
  test('the engine', async () => {
    let runs = 0;
    const interfereEngine = (engine: Engine): Engine => ({
      ...engine,
      async run(batch, taps) {
        runs += 1;
        if (runs === 3) throw new ModelError('out_of_memory', 'The GPU is full.');
        return engine.run(batch, taps);
      },
    });
    const failing = testRun({ photos, out, shardSize: 60, interfereEngine });
    await expect(failing).rejects.toThrow('The GPU is full.');
    // The one that was already given to the engine, and no other.
    expect(runs).toBeLessThanOrEqual(4);
    await testRun({ photos, out, shardSize: 60 });
    expect((await readFailures(out)).length).toBe(8);
  });

  test.each(['begin', 'write', 'finish', 'abandon'] as const)('the output at %s', async (where) => {
    const full = (): never => {
      throw new Error('No space left on device');
    };
    const interfereOutput = (output: Output): Output => ({
      ...output,
      async begin(place, name) {
        if (where === 'begin' && name === 'shard-000003') full();
        const writer = await output.begin(place, name);
        const fails = name === 'shard-000003';
        return {
          write: (rows) => (fails && where !== 'finish' ? full() : writer.write(rows)),
          finish: () => (fails && where === 'finish' ? full() : writer.finish()),
          async abandon() {
            await writer.abandon();
            if (fails && where === 'abandon') full();
          },
        };
      },
    });
    await expect(testRun({ photos, out, interfereOutput })).rejects.toThrow('No space left on device');
    await testRun({ photos, out });
    expect(await runBytes(out)).toEqual(undisturbed);
  });

  test('the listing of the source', async () => {
    const lost = (source: Source): Source => ({
      ...source,
      async *list() {
        let items = 0;
        for await (const item of source.list()) {
          items += 1;
          if (items === 20) throw new SourceError('unreachable', 'The bucket went away.');
          yield item;
        }
      },
    });
    await expect(testRun({ photos, out, interfere: lost })).rejects.toThrow('The bucket went away.');
    await testRun({ photos, out });
    expect(await runBytes(out)).toEqual(undisturbed);
  });
});

describe('refused', () => {
  test('a source that has changed since it was listed', async () => {
    const growing = join(folder, 'growing');
    await writePhotos(growing, 12);
    await testRun({ photos: growing, out });
    await writePhotos(growing, 13);
    await expect(testRun({ photos: growing, out })).rejects.toThrow(
      /changed: item 5 of shard-000002 was nothing/,
    );
    await rm(join(growing, '001/00012.jpg'));
    await rm(join(growing, '000/00000.jpg'));
    await expect(testRun({ photos: growing, out })).rejects.toThrow(/changed: item 1 of shard-000001/);
  });

  test('a source without images, each time', async () => {
    const empty = join(folder, 'empty');
    await mkdir(empty);
    await expect(testRun({ photos: empty, out })).rejects.toThrow(
      `Expected images in ${empty} but found none.`,
    );
    await expect(testRun({ photos: empty, out })).rejects.toThrow(InputError);
    await writePhotos(empty, 1);
    expect(await testRun({ photos: empty, out })).toMatchObject({ items: 1, vectors: 1 });
  });

  test.each([
    ['another pool', { space: { pool: 'max' } }, /pool was gem and is now max/],
    ['another model', { space: { model: 'other@000000000000' } }, /model was tiny@0+ and is now other@0+/],
    ['another shard size', { shardSize: 9 }, /shardSize was 8 and is now 9/],
    ['a crop', { crop: { unit: 'pixels', left: 0, top: 0, width: 9, height: 9 } }, /crop was none/],
    ['another engine', { engine: 'webgpu:fp16' }, /engine was winograd:int8 and is now webgpu:fp16/],
  ] as const)('%s in the folder of a run', async (_, change, message) => {
    const record = await testRecord({ photos, out });
    const directory = runDirectory(out);
    expect(await openRun(directory, record)).toBe('begun');
    expect(await openRun(directory, record)).toBe('resumed');
    const space = { ...record.space, ...('space' in change ? change.space : {}) };
    await expect(openRun(directory, { ...record, ...change, space })).rejects.toThrow(message);
  });

  test('a place that cannot be written, by its name', async () => {
    const path = join(folder, 'nowhere', 'run.json');
    const written = writeDurably(path, '{}', { work: join(folder, 'nowhere') });
    await expect(written).rejects.toThrow(`Expected to write ${path} but could not: ENOENT`);
    await expect(written).rejects.toBeInstanceOf(SourceError);
  });

  test('a folder with something else in it', async () => {
    await expect(openRun(runDirectory(photos), await testRecord({ photos, out }))).rejects.toThrow(
      /an empty folder, or one with a run, .* found 000, 001, 002/,
    );
  });

  test('a folder in which another process is at work', async () => {
    let second: Promise<unknown> | undefined;
    const watcher = {
      batch() {
        second ??= testRun({ photos, out }).catch((error: unknown) => error);
      },
    };
    await testRun({ photos, out, watcher });
    const error = await second;
    expect(error).toBeInstanceOf(InputError);
    expect(String(error)).toMatch(new RegExp(`process ${process.pid} on .* is at work`));
  });

  test.each([
    ['taken over while it was suspended', (lock: string) => writeFile(lock, OTHERS)],
    ['removed', (lock: string) => rm(lock)],
  ])('to go on when its lock is %s; what it finds there stays', async (_, interfere) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const lock = join(out, '.lock');
      const stopping = (inner: Source): Source => ({
        ...inner,
        async read(item, maxBytes) {
          if (item.id === '000/00009.jpg') {
            await interfere(lock);
            await vi.advanceTimersByTimeAsync(5000);
          }
          return inner.read(item, maxBytes);
        },
      });
      await expect(testRun({ photos, out, interfere: stopping })).rejects.toThrow(/taken it over/);
      expect(await readFile(lock, 'utf8').catch(() => OTHERS)).toBe(OTHERS);
    } finally {
      vi.useRealTimers();
    }
    await rm(join(out, '.lock'), { force: true });
    await testRun({ photos, out });
    expect(await runBytes(out)).toEqual(undisturbed);
  });

  test('a record that none of us has written', async () => {
    await mkdir(out);
    await writeFile(join(out, 'run.json'), '{"format":"other"}');
    await expect(testRun({ photos, out })).rejects.toThrow(/vgg-edge embed has written at .*run\.json/);
  });
});
