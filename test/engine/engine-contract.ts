// What every engine must do, whatever runs inside: run over each implementation of the port.

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ModelError, SourceError } from '../../core/errors.ts';
import { customConfiguration } from '../../core/family.ts';
import type { Manifest } from '../../core/manifest.ts';
import type { Engine, ImageBatch, ModelFiles } from '../../core/ports.ts';
import { TAPS, type Tap } from '../../core/taps.ts';
import { noise } from '../core/noise.ts';
import golden from '../golden/tiny-features.json' with { type: 'json' };
import { modelContent, randomNetwork, withInt4Head, withWideLevels } from './random-network.ts';
import { memoryFiles, tinyBatch, tinyModel } from './tiny-model.ts';

export type CreateEngine = (manifest: Manifest, files: ModelFiles) => Engine | Promise<Engine>;

const WIDTHS: Readonly<Record<Tap, number>> = { features: 1176, fc6: 32, fc7: 32, scores: 10 };

/** What a classifier may be made of. */
const HEADS = [
  { head: 'int8', group: null, rank: null },
  { head: 'int8 factors', group: null, rank: 9 },
  { head: '4-bit weights', group: 64, rank: null },
  { head: '4-bit factors', group: 32, rank: 9 },
] as const;

function networkWith({ group, rank }: (typeof HEADS)[number]) {
  const options = { hiddenDim: 45, outputDim: 7, fc6Rank: rank, fc7Rank: rank };
  const network = withWideLevels(randomNetwork(customConfiguration([10, 'M'], false, options), 14, 1));
  return group === null ? network : withInt4Head(network, group, 2);
}

export function testEngine(name: string, createEngine: CreateEngine): void {
  const model = tinyModel();
  const create = (files: ModelFiles = memoryFiles(model.content)) => createEngine(model.manifest, files);

  describe(`${name}: what it computes`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await create();
    });
    afterAll(() => engine.dispose());

    test('the features of the golden, bit for bit', async () => {
      const { outputs } = await engine.run(tinyBatch(2, 1), ['features']);
      const bytes = new Uint8Array(outputs.features?.buffer ?? new ArrayBuffer());
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(golden.sha256);
    });

    test('the scores of the golden', async () => {
      const { outputs } = await engine.run(tinyBatch(2, 1), ['scores']);
      expect(outputs.scores).toHaveLength(golden.scores.length);
      outputs.scores?.forEach((score, index) => {
        expect(score).toBeCloseTo(golden.scores[index] ?? Number.NaN, 4);
      });
    });

    test.each(TAPS)('%s, and nothing else, of the right width', async (tap) => {
      const { outputs } = await engine.run(tinyBatch(3, 5), [tap]);
      expect(Object.keys(outputs)).toEqual([tap]);
      expect(outputs[tap]).toHaveLength(3 * WIDTHS[tap]);
      expect(outputs[tap]?.every(Number.isFinite)).toBe(true);
    });

    test('all taps at once are the taps one by one', async () => {
      const together = await engine.run(tinyBatch(1, 2), TAPS);
      for (const tap of TAPS) {
        expect((await engine.run(tinyBatch(1, 2), [tap])).outputs[tap]).toEqual(together.outputs[tap]);
      }
    });

    test.each(['features', 'fc6', 'fc7'] as const)(
      '%s comes after a ReLU, and says something',
      async (tap) => {
        const values = (await engine.run(tinyBatch(1, 3), [tap])).outputs[tap] ?? new Float32Array();
        expect(Math.min(...values)).toBe(0);
        expect(new Set(values).size).toBeGreaterThan(3);
      },
    );

    test('each image of a batch as if it were alone', async () => {
      const batch = tinyBatch(3, 4);
      const { outputs } = await engine.run(batch, TAPS);
      const bytes = batch.data.length / batch.images;
      for (let image = 0; image < batch.images; image += 1) {
        const data = batch.data.slice(image * bytes, (image + 1) * bytes);
        const alone = await engine.run({ ...batch, images: 1, data }, TAPS);
        for (const tap of TAPS) {
          const width = WIDTHS[tap];
          expect(alone.outputs[tap]).toEqual(outputs[tap]?.slice(image * width, (image + 1) * width));
        }
      }
    });

    test('the same for runs that overlap', async () => {
      const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
      const run = async (seed: number) => (await engine.run(tinyBatch(1, seed), TAPS)).outputs;
      const serial = [];
      for (const seed of seeds) serial.push(await run(seed));
      expect(await Promise.all(seeds.map(run))).toEqual(serial);
    });

    test('results that later runs leave alone, of an input that is left alone', async () => {
      const batch = tinyBatch(1, 6);
      const input = batch.data.slice();
      const first = (await engine.run(batch, ['features'])).outputs.features;
      const copy = first?.slice();
      await engine.run(tinyBatch(1, 7), ['features']);
      expect(first).toEqual(copy);
      expect(batch.data).toEqual(input);
    });

    test('times and memory that are numbers ≥ 0', async () => {
      const { times } = await engine.run(tinyBatch(1, 8), ['scores']);
      for (const value of [times.backbone, times.head, engine.memoryBytes()]) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThan(Infinity);
      }
    });

    test.each<[string, ImageBatch]>([
      ['too few bytes', { images: 1, size: 224, data: new Uint8Array(100) }],
      ['another size', { images: 1, size: 32, data: new Uint8Array(32 * 32 * 3) }],
    ])('refuses a batch of %s, and goes on', async (_, batch) => {
      await expect(engine.run(batch, ['features'])).rejects.toThrow(ModelError);
      await expect(engine.run(tinyBatch(1, 1), ['features'])).resolves.toBeDefined();
    });
  });

  describe.each(HEADS)(`${name}: a classifier of $head`, (form) => {
    const widths = { features: 490, fc6: 45, fc7: 45, scores: 7 };
    const data = noise(3 * 14 * 14 * 3, 2);
    const batch = { images: 3, size: 14, data };

    test('gives every tap, each image as if it were alone', async () => {
      const { manifest, content } = await modelContent(networkWith(form));
      const engine = await createEngine(manifest, memoryFiles(content));
      const { outputs } = await engine.run(batch, TAPS);
      for (const tap of TAPS) {
        expect(outputs[tap]).toHaveLength(3 * widths[tap]);
        expect(new Set(outputs[tap]).size).toBeGreaterThan(9);
      }
      for (const image of [0, 1, 2]) {
        const pixels = data.slice((image * data.length) / 3, ((image + 1) * data.length) / 3);
        const alone = (await engine.run({ ...batch, images: 1, data: pixels }, TAPS)).outputs;
        for (const tap of TAPS) {
          expect(alone[tap]).toEqual(outputs[tap]?.slice(image * widths[tap], (image + 1) * widths[tap]));
        }
      }
      await engine.dispose();
    });

    test('is refused where one bit differs', async () => {
      const { manifest, content } = await modelContent(networkWith(form));
      const shard = manifest.shards.find(({ part }) => part === 'head');
      const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 100 ? byte ^ 1 : byte));
      const files = memoryFiles(content, (file, bytes) => (file === shard?.file ? flip(bytes) : bytes));
      const engine = await createEngine(manifest, files);
      await expect(engine.run(batch, ['scores'])).rejects.toMatchObject({ code: 'corrupt_shard' });
      await expect(engine.run(batch, ['features'])).resolves.toBeDefined();
      await engine.dispose();
    });
  });

  describe(`${name}: how it loads`, () => {
    const headFiles = model.manifest.shards.filter(({ part }) => part === 'head').map(({ file }) => file);

    test('nothing of the head before it is asked for, and everything once', async () => {
      const files = memoryFiles(model.content);
      const engine = await create(files);
      await Promise.all([1, 2, 3].map((seed) => engine.run(tinyBatch(1, seed), ['features'])));
      expect(files.opened).not.toContain(headFiles[0]);
      await Promise.all([1, 2, 3].map((seed) => engine.run(tinyBatch(1, seed), ['scores'])));
      await engine.run(tinyBatch(1, 4), ['fc6']);
      expect(files.opened).toEqual(expect.arrayContaining(headFiles));
      expect(new Set(files.opened).size).toBe(files.opened.length);
      await engine.dispose();
    });

    test.each(['backbone', 'head'] as const)('again after the %s could not be fetched', async (part) => {
      const shard = model.manifest.shards.find((candidate) => candidate.part === part);
      let failures = 2;
      const files = memoryFiles(model.content, (file, bytes) => {
        if (file === shard?.file && failures > 0) {
          failures -= 1;
          throw new SourceError('unreachable', 'the network is down');
        }
        return bytes;
      });
      const engine = await create(files);
      const ask = () => engine.run(tinyBatch(1, 1), ['scores']);
      await expect(ask()).rejects.toThrow(SourceError);
      await expect(ask()).rejects.toThrow('the network is down');
      await expect(ask()).resolves.toBeDefined();
      await engine.dispose();
    });

    test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
      ['one bit differs', (bytes) => bytes.map((byte, index) => (index === 100 ? byte ^ 1 : byte))],
      ['its end is missing', (bytes) => bytes.subarray(0, -1)],
      ['it goes on after its end', (bytes) => Uint8Array.of(...bytes, 0)],
      ['it is empty', () => new Uint8Array()],
    ])('no shard of which %s', async (_, damage) => {
      for (const { file, part } of model.manifest.shards) {
        const damaged = memoryFiles(model.content, (name, bytes) => (name === file ? damage(bytes) : bytes));
        const engine = await create(damaged);
        await expect(engine.run(tinyBatch(1, 1), ['scores'])).rejects.toMatchObject({
          name: 'ModelError',
          code: 'corrupt_shard',
          param: file,
        });
        if (part === 'head') {
          await expect(engine.run(tinyBatch(1, 1), ['features'])).resolves.toBeDefined();
        }
        await engine.dispose();
      }
    });

    test('nothing any more once it is disposed of', async () => {
      const engine = await create();
      await engine.run(tinyBatch(1, 1), ['features']);
      await engine.dispose();
      await engine.dispose();
      await expect(engine.run(tinyBatch(1, 1), ['features'])).rejects.toThrow(ModelError);
    });
  });
}
