// Dynamic batching: who shares a run, and that everybody gets their own rows and their own failure.

import { describe, expect, test } from 'vitest';
import type { Engine, ImageBatch } from '../../core/ports.ts';
import type { Tap } from '../../core/taps.ts';
import { createBatchingEngine } from '../../engine/batching-engine.ts';

/** One pixel per image: its first byte is the image's number. */
const batchOf = (...numbers: number[]): ImageBatch => ({
  images: numbers.length,
  size: 1,
  data: Uint8Array.from(numbers.flatMap((number) => [number, 0, 0])),
});

/** Gives [number, 10 × number] per image and tap; a batch that holds 13 fails. */
function inner() {
  const runs: { numbers: number[]; taps: readonly Tap[] }[] = [];
  let disposed = false;
  const engine: Engine = {
    name: 'inner',
    precision: 'fp32',
    async run({ images, data }, taps) {
      const numbers = Array.from({ length: images }, (_, image) => data[image * 3] ?? 0);
      runs.push({ numbers, taps });
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (numbers.includes(13)) throw new Error('unlucky');
      const rows = Float32Array.from(numbers.flatMap((number) => [number, number * 10]));
      return { outputs: Object.fromEntries(taps.map((tap) => [tap, rows])), times: { backbone: 1, head: 0 } };
    },
    memoryBytes: () => 7,
    async dispose() {
      disposed = true;
    },
  };
  return { engine, runs, isDisposed: () => disposed };
}

const rows = async (run: ReturnType<Engine['run']>, tap: Tap = 'features') => [
  ...((await run).outputs[tap] ?? []),
];

describe('sharing', () => {
  test('what is asked at once runs at once, and everybody gets their own rows', async () => {
    const { engine, runs } = inner();
    const batching = createBatchingEngine(engine, { maxImages: 8 });
    const asked = [batchOf(1), batchOf(2, 3), batchOf(4)].map((batch) =>
      rows(batching.run(batch, ['features'])),
    );
    expect(await Promise.all(asked)).toEqual([
      [1, 10],
      [2, 20, 3, 30],
      [4, 40],
    ]);
    expect(runs.map(({ numbers }) => numbers)).toEqual([[1, 2, 3, 4]]);
  });

  test('what arrives while a batch runs forms the next', async () => {
    const { engine, runs } = inner();
    const batching = createBatchingEngine(engine, { maxImages: 8 });
    const first = batching.run(batchOf(1), ['features']);
    await Promise.resolve();
    await Promise.resolve();
    const later = [2, 3, 4].map((number) => batching.run(batchOf(number), ['features']));
    await Promise.all([first, ...later]);
    expect(runs.map(({ numbers }) => numbers)).toEqual([[1], [2, 3, 4]]);
  });

  test('no run is larger than allowed, except a request that is so by itself', async () => {
    const { engine, runs } = inner();
    const sizes: number[] = [];
    const batching = createBatchingEngine(engine, { maxImages: 3, onBatch: (images) => sizes.push(images) });
    await Promise.all(
      [batchOf(1, 2), batchOf(3, 4), batchOf(5), batchOf(6, 7, 8, 9)].map((batch) =>
        batching.run(batch, ['features']),
      ),
    );
    expect(runs.map(({ numbers }) => numbers)).toEqual([
      [1, 2, 5],
      [3, 4],
      [6, 7, 8, 9],
    ]);
    expect(sizes).toEqual([3, 2, 4]);
  });

  test('different taps do not share: nobody pays for a head that others want', async () => {
    const { engine, runs } = inner();
    const batching = createBatchingEngine(engine, { maxImages: 8 });
    const asked = [
      rows(batching.run(batchOf(1), ['features'])),
      rows(batching.run(batchOf(2), ['features', 'scores']), 'scores'),
      rows(batching.run(batchOf(3), ['features'])),
      rows(batching.run(batchOf(4), ['scores', 'features']), 'scores'),
    ];
    expect(await Promise.all(asked)).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
      [4, 40],
    ]);
    expect(runs.map(({ numbers }) => numbers)).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });
});

test('one bad request fails alone', async () => {
  const { engine } = inner();
  const batching = createBatchingEngine(engine, { maxImages: 8 });
  const results = await Promise.allSettled(
    [1, 13, 3].map((number) => rows(batching.run(batchOf(number), ['features']))),
  );
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(results[2]).toMatchObject({ value: [3, 30] });
});

test('disposing finishes what was asked, then refuses', async () => {
  const { engine, isDisposed } = inner();
  const batching = createBatchingEngine(engine, { maxImages: 1 });
  const asked = [1, 2, 3].map((number) => rows(batching.run(batchOf(number), ['features'])));
  const disposing = batching.dispose();
  await expect(batching.run(batchOf(4), ['features'])).rejects.toThrow('disposed');
  expect(await Promise.all(asked)).toHaveLength(3);
  await disposing;
  expect(isDisposed()).toBe(true);
});
