// A run in one process that cannot go on, or must not begin: it ends with its reason, and what is there stays.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { InputError, ModelError, SourceError } from '../../core/errors.ts';
import type { Engine } from '../../core/ports.ts';
import { writeDurably } from '../../runner/durable-file.ts';
import type { Output, Source } from '../../runner/ports.ts';
import { runDirectory } from '../../runner/run-directory.ts';
import { openRun, readRunRecord } from '../../runner/run-record.ts';
import { readFailures, runBytes, testRecord, testRun, writePhotos } from './run-fixture.ts';
import { runPlace } from './run-place.ts';

const place = runPlace();
const OTHERS = JSON.stringify({ host: 'elsewhere', pid: 1, token: 'of another' });

describe('what fails stops the run at once, with its reason, and the run goes on', () => {
  test('the engine', async () => {
    let runs = 0;
    const { promise: failed, resolve: tellFailed } = Promise.withResolvers<void>();
    const interfereEngine = (engine: Engine): Engine => ({
      ...engine,
      async run(batch, taps) {
        runs += 1;
        if (runs === 3) {
          tellFailed();
          throw new ModelError('out_of_memory', 'The GPU is full.');
        }
        return engine.run(batch, taps);
      },
    });
    // Writing is far behind the engine, which learns of its failure all the same.
    const interfereOutput = (output: Output): Output => ({
      ...output,
      async begin(place, name) {
        const writer = await output.begin(place, name);
        return {
          ...writer,
          async write(rows) {
            await failed;
            await wait(100);
            await writer.write(rows);
          },
        };
      },
    });
    const failing = testRun({ ...place.run, shardSize: 60, interfereEngine, interfereOutput });
    await expect(failing).rejects.toThrow('The GPU is full.');
    // The one that was already given to the engine, and no other.
    expect(runs).toBeLessThanOrEqual(4);
    await testRun({ ...place.run, shardSize: 60 });
    expect((await readFailures(place.out)).length).toBe(8);
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
    await expect(testRun({ ...place.run, interfereOutput })).rejects.toThrow('No space left on device');
    await testRun(place.run);
    expect(await runBytes(place.out)).toEqual(place.undisturbed);
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
    await expect(testRun({ ...place.run, interfere: lost })).rejects.toThrow('The bucket went away.');
    await testRun(place.run);
    expect(await runBytes(place.out)).toEqual(place.undisturbed);
  });

  test('and nothing is listed behind its back any more', async () => {
    const interfereOutput = (output: Output): Output => ({
      ...output,
      begin: () => Promise.reject(new Error('No space left on device')),
    });
    const files = () => readdir(place.out, { recursive: true });
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const failing = testRun({ ...place.run, shardSize: 1, interfereOutput });
      await expect(failing).rejects.toThrow('No space left on device');
      const left = await files();
      await wait(20);
      expect(await files()).toEqual(left);
      await rm(place.out, { recursive: true });
    }
  });
});

describe('refused', () => {
  test('a source that has changed since it was listed', async () => {
    const growing = join(place.folder, 'growing');
    await writePhotos(growing, 12);
    await testRun({ photos: growing, out: place.out });
    await writePhotos(growing, 13);
    await expect(testRun({ photos: growing, out: place.out })).rejects.toThrow(
      /changed: item 5 of shard-000002 was nothing/,
    );
    await rm(join(growing, '001/00012.jpg'));
    await rm(join(growing, '000/00000.jpg'));
    await expect(testRun({ photos: growing, out: place.out })).rejects.toThrow(
      /changed: item 1 of shard-000001/,
    );
  });

  test('a source without images, each time', async () => {
    const empty = join(place.folder, 'empty');
    await mkdir(empty);
    await expect(testRun({ photos: empty, out: place.out })).rejects.toThrow(
      `Expected images in ${empty} but found none.`,
    );
    await expect(testRun({ photos: empty, out: place.out })).rejects.toThrow(InputError);
    await writePhotos(empty, 1);
    expect(await testRun({ photos: empty, out: place.out })).toMatchObject({ items: 1, vectors: 1 });
  });

  test.each([
    ['another pool', { space: { pool: 'max' } }, /pool was gem and is now max/],
    ['another model', { space: { model: 'other@000000000000' } }, /model was tiny@0+ and is now other@0+/],
    ['another shard size', { shardSize: 9 }, /shardSize was 8 and is now 9/],
    ['a crop', { crop: { unit: 'pixels', left: 0, top: 0, width: 9, height: 9 } }, /crop was none/],
    ['another engine', { engine: 'webgpu:fp16' }, /engine was winograd:int8 and is now webgpu:fp16/],
  ] as const)('%s in the folder of a run', async (_, change, message) => {
    const record = await testRecord(place.run);
    const directory = runDirectory(place.out);
    expect(await openRun(directory, record)).toBe('begun');
    expect(await openRun(directory, record)).toBe('resumed');
    const space = { ...record.space, ...('space' in change ? change.space : {}) };
    await expect(openRun(directory, { ...record, ...change, space })).rejects.toThrow(message);
  });

  test('one of two that begin at the same moment, and the record is that of the other', async () => {
    const record = await testRecord(place.run);
    const records = [record, { ...record, shardSize: 9 }];
    const directory = runDirectory(place.out);
    const outcomes = await Promise.allSettled(records.map((wanted) => openRun(directory, wanted)));
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
    expect(await readRunRecord(directory)).toEqual(records[winner]);
  });

  test('a place that cannot be written, by its name', async () => {
    const path = join(place.folder, 'nowhere', 'run.json');
    const written = writeDurably(path, '{}', { work: join(place.folder, 'nowhere') });
    await expect(written).rejects.toThrow(`Expected to write ${path} but could not: ENOENT`);
    await expect(written).rejects.toBeInstanceOf(SourceError);
  });

  test('a folder with something else in it', async () => {
    await expect(openRun(runDirectory(place.photos), await testRecord(place.run))).rejects.toThrow(
      /an empty folder, or one with a run, .* found 000, 001, 002/,
    );
  });

  test('a folder in which another process is at work', async () => {
    let second: Promise<unknown> | undefined;
    const watcher = {
      batch() {
        second ??= testRun(place.run).catch((error: unknown) => error);
      },
    };
    await testRun({ ...place.run, watcher });
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
      const lock = join(place.out, '.lock');
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
      await expect(testRun({ ...place.run, interfere: stopping })).rejects.toThrow(/taken it over/);
      expect(await readFile(lock, 'utf8').catch(() => OTHERS)).toBe(OTHERS);
    } finally {
      vi.useRealTimers();
    }
    await rm(join(place.out, '.lock'), { force: true });
    await testRun(place.run);
    expect(await runBytes(place.out)).toEqual(place.undisturbed);
  });

  test('a record that none of us has written', async () => {
    await mkdir(place.out);
    await writeFile(join(place.out, 'run.json'), '{"format":"other"}');
    await expect(testRun(place.run)).rejects.toThrow(/vgg-edge embed has written at .*run\.json/);
  });
});
