// The kernel on threads: bit for bit the plain one, whatever the number of threads and images.

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine, ImageBatch } from '../../core/ports.ts';
import { TAPS } from '../../core/taps.ts';
import { makeEngine } from '../../runner/engines/recipe.ts';
import { createThreadedEngine } from '../../runner/engines/threaded-engine.ts';
import { tinyBatch } from '../engine/tiny-model.ts';

const TINY = join(import.meta.dirname, '../golden/models/tiny');
const recipe = { kind: 'winograd', directory: TINY } as const;

let plain: Engine;
beforeAll(async () => {
  plain = await makeEngine(recipe);
});
afterAll(() => plain.dispose());

/** The same pixels where threads can see them. */
function sharedBatch(batch: ImageBatch): ImageBatch {
  const data = new Uint8Array(new SharedArrayBuffer(batch.data.length));
  data.set(batch.data);
  return { ...batch, data };
}

describe.each([1, 2, 3])('%i threads', (threads) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createThreadedEngine(recipe, threads);
  });
  afterAll(() => engine.dispose());

  test.each([1, 2, 3, 5, 7])('%i images: every tap equals that of the plain engine', async (images) => {
    const batch = tinyBatch(images, images);
    const { outputs } = await engine.run(batch, TAPS);
    expect(outputs).toEqual((await plain.run(batch, TAPS)).outputs);
  });

  test('shared pixels give the same', async () => {
    const batch = tinyBatch(4, 9);
    const { outputs } = await engine.run(sharedBatch(batch), ['features']);
    expect(outputs).toEqual((await plain.run(batch, ['features'])).outputs);
  });

  test("the caller's pixels stay the caller's", async () => {
    const batch = tinyBatch(2, 3);
    await engine.run(batch, ['features']);
    expect(Buffer.compare(batch.data, tinyBatch(2, 3).data)).toBe(0);
  });

  test('batches in flight together each get their own', async () => {
    const batches = [1, 2, 3, 4].map((seed) => tinyBatch(seed, seed));
    const runs = await Promise.all(batches.map((batch) => engine.run(batch, ['scores'])));
    for (const [index, batch] of batches.entries()) {
      expect(runs[index]?.outputs).toEqual((await plain.run(batch, ['scores'])).outputs);
    }
  });

  test('a batch that is wrong fails alone', async () => {
    const wrong = { images: threads, size: 100, data: new Uint8Array(threads * 30_000) };
    const [failed, good] = await Promise.allSettled([
      engine.run(wrong, ['features']),
      engine.run(tinyBatch(1, 1), ['features']),
    ]);
    expect(failed).toMatchObject({
      status: 'rejected',
      reason: { name: 'ModelError', code: 'engine_failed' },
    });
    expect(good.status).toBe('fulfilled');
  });

  test('it says who it is, and what memory all threads hold', async () => {
    await engine.run(tinyBatch(threads, 1), ['features']);
    expect(engine).toMatchObject({ name: 'winograd', precision: 'int8' });
    expect(engine.memoryBytes()).toBe(plain.memoryBytes() * threads);
  });
});

test.each([1, 2])('onnxruntime on %i threads gives what it gives without', async (threads) => {
  const native = {
    kind: 'onnxruntime',
    directory: TINY,
    provider: 'cpu',
    precision: 'int8',
    threads: 1,
  } as const;
  const alone = await makeEngine(native);
  const engine = await createThreadedEngine(native, threads);
  const { outputs } = await engine.run(tinyBatch(3, 2), TAPS);
  expect(outputs).toEqual((await alone.run(tinyBatch(3, 2), TAPS)).outputs);
  await Promise.all([alone.dispose(), engine.dispose()]);
});

describe('failures', () => {
  test('a directory without a model', async () => {
    const nowhere = { kind: 'winograd', directory: join(TINY, 'nowhere') } as const;
    await expect(createThreadedEngine(nowhere, 2)).rejects.toMatchObject({
      name: 'SourceError',
      code: 'missing_file',
    });
  });

  test('a damaged shard is told, and a later run finds it mended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vgg-edge-threads-'));
    try {
      cpSync(TINY, folder, { recursive: true });
      rmSync(join(folder, 'weights-00001-of-00002.bin'));
      const engine = await createThreadedEngine({ kind: 'winograd', directory: folder }, 2);
      const run = () => engine.run(tinyBatch(2, 1), ['features']);
      await expect(run()).rejects.toMatchObject({ name: 'SourceError', code: 'missing_file' });
      cpSync(TINY, folder, { recursive: true });
      expect((await run()).outputs).toEqual((await plain.run(tinyBatch(2, 1), ['features'])).outputs);
      await engine.dispose();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('after its end it refuses, and ending twice is no error', async () => {
    const engine = await createThreadedEngine(recipe, 2);
    await Promise.all([engine.dispose(), engine.dispose()]);
    await expect(engine.run(tinyBatch(1, 1), ['features'])).rejects.toThrow('disposed');
  });

  test('what is in work when it is disposed of is finished', async () => {
    const engine = await createThreadedEngine(recipe, 2);
    const running = engine.run(tinyBatch(2, 1), ['features']);
    await engine.dispose();
    expect((await running).outputs.features).toHaveLength(2 * 1176);
  });
});
