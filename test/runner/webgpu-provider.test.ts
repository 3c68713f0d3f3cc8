// onnxruntime-node's WebGPU provider, opened as the runner opens it, with the tiny model: on a GPU, or on the
// software renderer that Debian's chromium brings. `npm run check:runner-webgpu` does it with the default model.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ModelError } from '../../core/errors.ts';
import { floatDirectory } from '../../model-build/float-directory.ts';
import { openEngine } from '../../runner/engine.ts';
import type { Choice } from '../../runner/engines/choose.ts';
import { makeEngine } from '../../runner/engines/recipe.ts';
import { tinyBatch, tinyModel } from '../engine/tiny-model.ts';

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
// Read by the Vulkan loader when a process opens its first device.
if (process.env.VK_ICD_FILENAMES === undefined && existsSync(SWIFTSHADER)) {
  process.env.VK_ICD_FILENAMES = SWIFTSHADER;
}

const directory = join(import.meta.dirname, '../golden/models/tiny');
const { manifest } = tinyModel();
const cache = mkdtempSync(join(tmpdir(), 'vgg-edge-webgpu-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

const floatGraphs = async (precision: 'fp16' | 'fp32') =>
  (await floatDirectory(directory, precision, cache)).directory;

test.each(['fp32', 'fp16'] as const)(
  '%s: the features of onnxruntime on the processor',
  async (precision) => {
    let choice: Choice;
    try {
      choice = await openEngine(`webgpu:${precision}`, {
        directory,
        manifest,
        taps: ['features'],
        floatGraphs,
      });
    } catch (error) {
      // Anything but a missing device is a failure: wrong numbers most of all.
      if (!(error instanceof ModelError) || !/No supported adapters|f16/i.test(error.message)) throw error;
      console.warn(`SKIPPED: WebGPU in ${precision} is not tested on this machine: ${error.message}`);
      return;
    }
    expect(choice.reason).toMatch(
      new RegExp(`^webgpu:${precision}: cosine (0\\.99|1\\.00)\\d+ with int8\\.$`),
    );
    const native = await makeEngine({
      kind: 'onnxruntime',
      directory: await floatGraphs(precision),
      provider: 'cpu',
      precision,
    });
    const batch = tinyBatch(1, 6);
    const { features: wanted = new Float32Array() } = (await native.run(batch, ['features'])).outputs;
    const { features: found } = (await choice.engine.run(batch, ['features'])).outputs;
    expect(found).toHaveLength(wanted.length);
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = wanted.reduce(
      (most, value, index) => Math.max(most, Math.abs(value - (found?.[index] ?? Number.NaN))),
      0,
    );
    expect(worst / largest).toBeLessThan(precision === 'fp32' ? 1e-4 : 2e-2);
    await Promise.all([choice.engine.dispose(), native.dispose()]);
  },
);
