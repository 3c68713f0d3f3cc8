// Agreement of two engines, with engines that see only colours: equal, a little off, and unlike.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import type { Engine, ImageDecoder } from '../../core/ports.ts';
import { measureAgreement } from '../../eval/agreement.ts';
import { choosePhotos } from '../../eval/photos.ts';
import { openVectorCache } from '../../eval/vector-cache.ts';
import { folderOf } from './folder.ts';
import { testManifest } from './manifest.ts';

const folder = mkdtempSync(join(tmpdir(), 'vgg-edge-agreement-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `20` becomes a picture whose red is 20 and whose blue is what is left to 200. */
const DECODER: ImageDecoder = {
  async decode(bytes) {
    const red = Number(new TextDecoder().decode(bytes));
    if (Number.isNaN(red)) throw new InputError('invalid_image', 'Expected a picture.');
    const data = Uint8Array.from({ length: 256 * 256 * 3 }, (_, at) => [red, 0, 200 - red][at % 3] ?? 0);
    return { width: 256, height: 256, data };
  },
};

/** features: red and blue; scores: red, blue. `change` is what this engine does to red. */
function engineOf(precision: Engine['precision'], change: (red: number) => number = (red) => red): Engine {
  return {
    name: 'fake',
    precision,
    async run({ images, size, data }) {
      const pixels = Array.from({ length: images }, (_, image) => data.subarray(image * size * size * 3));
      const values = pixels.map(([red = 0, , blue = 0]) => [change(red), blue] as const);
      return {
        outputs: {
          features: Float32Array.from(
            values.flatMap(([red, blue]) => [...Array(49).fill(red), ...Array(49).fill(blue)]),
          ),
          scores: Float32Array.from(values.flat()),
        },
        times: { backbone: 0, head: 0 },
      };
    },
    memoryBytes: () => 0,
    dispose: async () => undefined,
  };
}

const REDS = Array.from({ length: 15 }, (_, index) => String(10 + index * 12));

async function measure(runner: Engine, contents: readonly string[] = REDS) {
  const files = Object.fromEntries(contents.map((content, index) => [`${100 + index}.jpg`, content]));
  const { photos } = await choosePhotos(await folderOf(files));
  return await measureAgreement({
    manifest: testManifest(['red', 'blue']),
    id: 'small@0',
    edge: engineOf('int8'),
    runner,
    decoder: DECODER,
    cache: openVectorCache(mkdtempSync(join(folder, 'cache-'))),
    photos,
    progress: () => undefined,
  });
}

test('the same engine agrees with itself', async () => {
  const { photographs, top1Agreement, vectors, failed } = await measure(engineOf('fp32'));
  expect({ photographs, top1Agreement, failed }).toEqual({ photographs: 15, top1Agreement: 1, failed: [] });
  const one = { cosine: { mean: 1, percentile1: 1, min: 1 }, overlapAt10: 1, recallAt10: 1 };
  expect(vectors).toEqual([
    { descriptor: 'features gem', ...one },
    { descriptor: 'features', ...one },
  ]);
});

test('an engine that turns some photographs around: every figure falls', async () => {
  const { top1Agreement, vectors } = await measure(engineOf('fp32', (red) => (red > 150 ? 0 : red)));
  expect(top1Agreement).toBeCloseTo(12 / 15, 6);
  for (const { cosine, overlapAt10, recallAt10 } of vectors) {
    expect(cosine.min).toBeLessThan(0.3);
    expect(cosine.mean).toBeGreaterThan(cosine.min);
    expect(cosine.mean).toBeLessThan(0.95);
    expect(overlapAt10).toBeLessThan(0.95);
    expect(recallAt10).toBeLessThan(0.95);
  }
});

test('a direction that both queries and index share leaves the overlap, but not the recall', async () => {
  // The edge asks an index whose every vector has moved: neighbours among moved ones stay the same.
  const { vectors } = await measure(engineOf('fp32', (red) => red * 3));
  for (const { overlapAt10, recallAt10 } of vectors) expect(recallAt10).toBeLessThan(overlapAt10);
});

describe('photographs', () => {
  test('those that cannot be decoded are left out, and named', async () => {
    const { photographs, failed } = await measure(engineOf('fp32'), [...REDS, 'static']);
    expect(photographs).toBe(15);
    expect(failed).toEqual([{ name: '115.jpg', reason: 'Expected a picture.' }]);
  });

  test('which they were stands in the record: other photographs, another hash', async () => {
    const { photographsSha256 } = await measure(engineOf('fp32'));
    expect((await measure(engineOf('fp32'))).photographsSha256).toBe(photographsSha256);
    expect((await measure(engineOf('fp32'), REDS.slice(1))).photographsSha256).not.toBe(photographsSha256);
  });

  test('fewer than two say nothing', async () => {
    await expect(measure(engineOf('fp32'), ['10', 'static'])).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringMatching(/at least 2 photographs .* found 1\. Expected a picture\./),
    });
  });
});
