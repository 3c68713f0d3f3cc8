// A run in one process: every input ends as a vector or a failure, and the bytes do not depend on how the
// run came to its end.

import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InputError, SourceError } from '../../core/errors.ts';
import { decodeNpy } from '../../core/npy.ts';
import type { Engine } from '../../core/ports.ts';
import { createDecodePool } from '../../runner/decode-pool.ts';
import type { Output, Source } from '../../runner/ports.ts';
import { StoppedError } from '../../runner/stopped.ts';
import { tinyModel } from '../engine/tiny-model.ts';
import { embedOneByOne, LIMITS, readFailures, runBytes, testRun, writePhotos } from './run-fixture.ts';
import { PHOTOS, runPlace } from './run-place.ts';

const place = runPlace();

describe('nothing is lost', () => {
  test('each input is a row in its shard or a line in failures.jsonl, with its reason', async () => {
    const totals = await testRun(place.run);
    expect(totals).toEqual({ items: 60, vectors: 52, failed: 8, shards: 8 });
    const failures = await readFailures(place.out);
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
      rows.push(decodeNpy(await readFile(join(place.out, `shard-00000${shard}.npy`))).shape[0] ?? 0);
    }
    expect(rows).toEqual([7, 7, 7, 4]);
  });

  test('the vectors are those of the embedder that the API runs', async () => {
    const samples = join(import.meta.dirname, '../../samples');
    await testRun({ photos: samples, out: place.out, shardSize: 100 });
    const { data, shape } = decodeNpy(await readFile(join(place.out, 'shard-000001.npy')));
    const items = (await readFile(join(place.out, 'items/shard-000001.jsonl'), 'utf8')).trim().split('\n');
    const expected = await embedOneByOne(items.map((line) => join(samples, JSON.parse(line).id)));
    expect(shape[0]).toBe(items.length);
    expect(data).toEqual(expected);
  });

  test('a failed image does not touch the vectors of the others in its batch', async () => {
    const one = join(place.folder, 'one');
    await writePhotos(one, 4);
    await testRun({ photos: one, out: place.out });
    const whole = decodeNpy(await readFile(join(place.out, 'shard-000001.npy'))).data;
    await writeFile(join(one, '000/00001.jpg'), 'broken');
    await rm(place.out, { recursive: true });
    await testRun({ photos: one, out: place.out });
    const { data, shape } = decodeNpy(await readFile(join(place.out, 'shard-000001.npy')));
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
    const totals = await testRun({ ...place.run, interfere: flaky });
    expect(totals).toMatchObject({ vectors: 51, failed: 9 });
    expect(attempts.get('000/00001.jpg')).toBe(3);
    expect((await readFailures(place.out))[0]).toMatchObject({
      code: 'unreachable',
      reason: 'Connection reset.',
    });
  });

  test('a vector of zeros is one where it is written to files, and a failure where a search must find it', async () => {
    const first = await testRun(place.run);
    await rm(place.out, { recursive: true });
    const interfereEngine = (engine: Engine): Engine => ({
      ...engine,
      async run(batch, taps) {
        const run = await engine.run(batch, taps);
        const { features } = run.outputs;
        features?.fill(0, 0, features.length / batch.images);
        return run;
      },
    });
    expect(await testRun({ ...place.run, batch: 60, shardSize: 60, interfereEngine })).toMatchObject({
      vectors: first.vectors,
    });
    await rm(place.out, { recursive: true });
    const interfereOutput = (output: Output): Output => ({ ...output, refusesZeros: true });
    const totals = await testRun({
      ...place.run,
      batch: 60,
      shardSize: 60,
      interfereEngine,
      interfereOutput,
    });
    expect(totals).toMatchObject({ vectors: first.vectors - 1, failed: first.failed + 1 });
    expect((await readFailures(place.out))[0]).toMatchObject({
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
    const totals = await testRun({ ...place.run, decoders });
    await decoders.close();
    // Where the main thread is held up, some threads are ready and done before their patience is looked at.
    expect(totals.vectors + totals.failed).toBe(60);
    expect(await readFailures(place.out)).toContainEqual(
      expect.objectContaining({
        code: 'decoder_failed',
        reason: expect.stringMatching(/longer than 0 s/),
      }),
    );
  });

  test('an image over the limit of bytes is refused', async () => {
    const large = join(place.folder, 'large');
    await mkdir(large);
    await writeFile(join(large, 'large.jpg'), Buffer.alloc(LIMITS.maxBytes + 1));
    await testRun({ photos: large, out: place.out });
    expect((await readFailures(place.out))[0]).toMatchObject({ code: 'image_too_large' });
  });

  test('more failures than allowed stop the run, and it goes on when they are allowed', async () => {
    const broken = join(place.folder, 'broken');
    await writePhotos(broken, 120, 2);
    const refused = testRun({ photos: broken, out: place.out, maxFailureRate: 0.4 });
    await expect(refused).rejects.toThrow(/at most 40 % .* of 1\d\d did.*--max-failure-rate/);
    expect(await testRun({ photos: broken, out: place.out, maxFailureRate: 0.5 })).toMatchObject({
      failed: 60,
    });
  });

  test.each([
    ['while it runs', 120, /of 1[01]\d did/],
    ['at its end', 60, /of 60 did/],
  ])(
    'a run stopped by failures %s goes on with --retry-failed once they are mended',
    async (_, count, did) => {
      const many = join(place.folder, `mended-${count}`);
      await writePhotos(many, count, 11);
      const whole = join(place.folder, `mended-${count}-whole`);
      await testRun({ photos: many, out: whole });
      const refusing = (source: Source): Source => ({
        ...source,
        async read(item, maxBytes) {
          if (item.id < '000/00005.jpg') return source.read(item, maxBytes);
          throw new InputError('invalid_file', '403 Access Denied');
        },
      });
      const stops = { photos: many, out: place.out, maxFailureRate: 0.5 };
      await expect(testRun({ ...stops, interfere: refusing })).rejects.toThrow(did);
      await expect(testRun(stops)).rejects.toThrow(/--retry-failed/);
      await testRun({ ...stops, retryFailed: true });
      expect(await runBytes(place.out)).toEqual(await runBytes(whole));
    },
  );

  test('failures of a finished run are tried again when that is asked for, and nothing else is', async () => {
    await testRun(place.run);
    const read: string[] = [];
    const watched = (source: Source): Source => ({
      ...source,
      read(item, maxBytes) {
        read.push(item.id);
        return source.read(item, maxBytes);
      },
    });
    await testRun({ ...place.run, interfere: watched, retryFailed: true });
    // Of the shards of 8 all but the last hold one.
    expect(read).toHaveLength(56);
    expect(await runBytes(place.out)).toEqual(place.undisturbed);
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
    await expect(testRun({ ...place.run, signal: controller.signal, watcher })).rejects.toThrow(StoppedError);
    const read: string[] = [];
    const watched = (source: Source): Source => ({
      ...source,
      read(item, maxBytes) {
        read.push(item.id);
        return source.read(item, maxBytes);
      },
    });
    await testRun({ ...place.run, interfere: watched });
    // Batches of 4: none that was finished is done again.
    expect(read).toHaveLength(PHOTOS - Math.min(seen * 4, PHOTOS));
    expect(await runBytes(place.out)).toEqual(place.undisturbed);
  });

  test('after the journal of the shard in work lost its end, and then a byte in the middle', async () => {
    const controller = new AbortController();
    const watcher = { batch: () => controller.abort() };
    const stopped = testRun({ ...place.run, shardSize: 60, signal: controller.signal, watcher });
    await expect(stopped).rejects.toThrow(StoppedError);
    const journal = join(place.out, 'work/shard-000001.journal');
    const bytes = await readFile(journal);
    const whole = join(place.folder, 'whole-60');
    await testRun({ photos: place.photos, out: whole, shardSize: 60 });
    const damages = [
      bytes.subarray(0, -1),
      // As of a process that woke up after its lock was taken over.
      Buffer.concat([bytes, bytes]),
      Buffer.from(bytes).fill(1, 100, 101),
      Buffer.alloc(1000, 255),
    ];
    for (const damaged of damages) {
      await writeFile(journal, damaged);
      const again = join(place.folder, 'again');
      await cp(place.out, again, { recursive: true });
      await testRun({ photos: place.photos, out: again, shardSize: 60 });
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
    const stopped = testRun({ ...place.run, signal: controller.signal, interfere: source });
    await expect(stopped).rejects.toThrow(StoppedError);
    await testRun(place.run);
    expect(await runBytes(place.out)).toEqual(place.undisturbed);
  });

  test.each<[string, (inner: Source, stop: () => void) => Partial<Source>]>([
    [
      'while images do not answer',
      (inner) => ({
        read: (item, maxBytes) =>
          item.id < '001' ? inner.read(item, maxBytes) : new Promise<never>(() => undefined),
      }),
    ],
    [
      'while the list does not answer',
      (inner, stop) => ({
        async *list() {
          let items = 0;
          for await (const item of inner.list()) {
            items += 1;
            if (items === 5) {
              setTimeout(stop, 10);
              await new Promise<never>(() => undefined);
            }
            yield item;
          }
        },
      }),
    ],
  ])('%s: nobody waits for them', async (_, silent) => {
    const controller = new AbortController();
    const stop = () => controller.abort();
    const watcher = { batch: stop };
    const interfere = (inner: Source): Source => ({ ...inner, ...silent(inner, stop) });
    const stopped = testRun({ ...place.run, signal: controller.signal, watcher, interfere });
    await expect(stopped).rejects.toThrow(StoppedError);
    await testRun(place.run);
    expect(await runBytes(place.out)).toEqual(place.undisturbed);
  });

  test('a file of a finished shard that is gone or cut short is made again', async () => {
    await testRun(place.run);
    await rm(join(place.out, 'shard-000002.npy'));
    await writeFile(join(place.out, 'shard-000003.parquet'), 'short');
    await testRun(place.run);
    expect(await runBytes(place.out)).toEqual(place.undisturbed);
  });

  test('what is done is not done again', async () => {
    await testRun(place.run);
    const unread = (source: Source): Source => ({ ...source, read: () => Promise.reject(new Error('read')) });
    expect(await testRun({ ...place.run, interfere: unread })).toMatchObject({ vectors: 52 });
  });
});
