// The native engine. Not held to the edge's bits: on x86 without VNNI its int8 sums saturate.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../core/ports.ts';
import { TAPS } from '../../core/taps.ts';
import { createNativeEngine } from '../../engine/node/native-engine.ts';
import golden from '../golden/tiny-features.json' with { type: 'json' };
import { tinyBatch, tinyModel } from './tiny-model.ts';

const { manifest, content } = tinyModel();
const directory = mkdtempSync(join(tmpdir(), 'vgg-edge-native-'));
for (const [file, bytes] of content) writeFileSync(join(directory, file), bytes);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const create = (at = directory) =>
  createNativeEngine({ directory: at, manifest, session: { threads: 1 }, now: () => performance.now() });

async function using<T>(engine: Engine, work: (engine: Engine) => Promise<T>): Promise<T> {
  try {
    return await work(engine);
  } finally {
    await engine.dispose();
  }
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, index) => sum + value * (y[index] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe('what it computes', () => {
  test('the scores of the golden, as nearly as the processor allows', () =>
    using(create(), async (engine) => {
      const { outputs } = await engine.run(tinyBatch(2, 1), ['scores']);
      expect(cosine([...(outputs.scores ?? [])], golden.scores)).toBeGreaterThan(0.98);
    }));

  test('each image of a batch as if it were alone', () =>
    using(create(), async (engine) => {
      const batch = tinyBatch(3, 4);
      const { outputs } = await engine.run(batch, TAPS);
      const bytes = batch.data.length / 3;
      for (let image = 0; image < 3; image += 1) {
        const data = batch.data.slice(image * bytes, (image + 1) * bytes);
        const alone = await engine.run({ ...batch, images: 1, data }, TAPS);
        for (const tap of TAPS) {
          const width = (outputs[tap]?.length ?? 0) / 3;
          const row = [...(outputs[tap]?.slice(image * width, (image + 1) * width) ?? [])];
          expect(cosine([...(alone.outputs[tap] ?? [])], row)).toBeCloseTo(1, 5);
        }
      }
    }));

  test('only what is asked for', () =>
    using(create(), async (engine) => {
      expect(Object.keys((await engine.run(tinyBatch(1, 1), ['fc6'])).outputs)).toEqual(['fc6']);
    }));
});

describe('failures', () => {
  test('a graph that is missing fails, and works once it is there', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'vgg-edge-native-'));
    try {
      await using(create(empty), async (engine) => {
        await expect(engine.run(tinyBatch(1, 1), ['features'])).rejects.toMatchObject({ name: 'ModelError' });
        cpSync(directory, empty, { recursive: true });
        expect((await engine.run(tinyBatch(1, 1), ['features'])).outputs.features).toBeDefined();
      });
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
  });

  test('after its end it refuses', async () => {
    const engine = create();
    await engine.dispose();
    await expect(engine.run(tinyBatch(1, 1), ['features'])).rejects.toThrow('disposed');
  });
});
