// The WebGPU engine's own part, on the processor: the same sessions, graphs and shards with the provider
// that needs no GPU. On a device it is run by `npm run check:webgpu`.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ModelError } from '../../core/errors.ts';
import type { ImageBatch } from '../../core/ports.ts';
import { TAPS } from '../../core/taps.ts';
import { featuresCosine, MIN_COSINE } from '../../engine/self-check.ts';
import { createWebGpuEngine } from '../../engine/webgpu/engine.ts';
import { createWinogradEngine } from '../../engine/winograd/engine.ts';
import { floatDirectory } from '../../model-build/float-directory.ts';
import { memoryFiles, tinyBatch, tinyModel } from './tiny-model.ts';
import { winogradKernel } from './winograd-kernel.ts';

const folder = mkdtempSync(join(tmpdir(), 'vgg-edge-webgpu-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tiny = tinyModel();
for (const [file, bytes] of tiny.content) writeFileSync(join(folder, file), bytes);
const float = await floatDirectory(folder, 'fp32', join(folder, 'cache'));
const [graphs] = float.manifest.floatGraphs;
if (graphs === undefined) throw new Error('Expected float graphs of the tiny model but found none.');
const content = new Map(
  readdirSync(float.directory).map((file) => [
    file,
    new Uint8Array(readFileSync(join(float.directory, file))),
  ]),
);

const now = () => performance.now();
const { manifest } = tiny;
const create = (files = memoryFiles(content)) =>
  createWebGpuEngine({ manifest, graphs, files, now, provider: 'wasm' });
const createEdge = () =>
  createWinogradEngine({ manifest, files: memoryFiles(tiny.content), kernel: winogradKernel(), now });

test('its name and its precision', () => {
  expect(create()).toMatchObject({ name: 'onnxruntime-webgpu', precision: 'fp32' });
});

test('the features of our kernel, up to its rounding to int8', async () => {
  const engine = create();
  const cosine = await featuresCosine(createEdge(), engine, manifest.preprocess.crop);
  expect(cosine).toBeGreaterThan(MIN_COSINE);
  expect(cosine).toBeLessThan(1);
  await engine.dispose();
});

test('the taps that are asked for, a row per image, each as if it were alone', async () => {
  const engine = create();
  const batch = tinyBatch(3, 4);
  const { outputs } = await engine.run(batch, TAPS);
  const last = { images: 1, size: batch.size, data: batch.data.slice((batch.data.length / 3) * 2) };
  for (const tap of TAPS) {
    const alone = (await engine.run(last, [tap])).outputs;
    expect(Object.keys(alone)).toEqual([tap]);
    const width = alone[tap]?.length ?? 0;
    expect(outputs[tap]).toHaveLength(3 * width);
    alone[tap]?.forEach((value, index) => {
      expect(outputs[tap]?.[2 * width + index]).toBeCloseTo(value, 4);
    });
  }
  await engine.dispose();
});

test('runs that overlap take turns, and the head is loaded by the first that needs it', async () => {
  const files = memoryFiles(content);
  const engine = create(files);
  const headFiles = graphs.shards.filter(({ part }) => part === 'head').map(({ file }) => file);
  await Promise.all([1, 2].map((seed) => engine.run(tinyBatch(1, seed), ['features'])));
  expect(files.opened).not.toEqual(expect.arrayContaining(headFiles));
  await Promise.all([1, 2].map((seed) => engine.run(tinyBatch(1, seed), ['scores'])));
  expect(files.opened).toEqual(expect.arrayContaining(headFiles));
  expect(new Set(files.opened).size).toBe(files.opened.length);
  await engine.dispose();
});

describe('refuses', () => {
  test.each<[string, ImageBatch]>([
    ['too few bytes', { images: 1, size: 224, data: new Uint8Array(100) }],
    ['another size', { images: 1, size: 32, data: new Uint8Array(32 * 32 * 3) }],
  ])('a batch of %s', async (_, batch) => {
    await expect(create().run(batch, ['features'])).rejects.toThrow(ModelError);
  });

  test('a damaged shard', async () => {
    const [shard] = graphs.shards;
    const flip = (file: string, bytes: Uint8Array) =>
      file === shard?.file ? bytes.map((byte, index) => (index === 100 ? byte ^ 1 : byte)) : bytes;
    await expect(create(memoryFiles(content, flip)).run(tinyBatch(1, 1), ['features'])).rejects.toMatchObject(
      { code: 'corrupt_shard', param: shard?.file },
    );
  });

  test('runs once it is disposed of', async () => {
    const engine = create();
    await engine.dispose();
    await engine.dispose();
    await expect(engine.run(tinyBatch(1, 1), ['features'])).rejects.toThrow('disposed of');
  });
});
