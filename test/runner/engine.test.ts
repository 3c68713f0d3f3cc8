// The runner's engine by name, on a real model and this machine's processor.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { TAPS } from '../../core/taps.ts';
import { floatDirectory } from '../../model-build/float-directory.ts';
import { openEngine } from '../../runner/engine.ts';
import { makeEngine } from '../../runner/engines/recipe.ts';
import { tinyBatch, tinyModel } from '../engine/tiny-model.ts';

const directory = join(import.meta.dirname, '../golden/models/tiny');
const { manifest } = tinyModel();
const cache = mkdtempSync(join(tmpdir(), 'vgg-edge-engine-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

const open = (wanted: string) =>
  openEngine(wanted, {
    directory,
    manifest,
    taps: TAPS,
    floatGraphs: async (precision) => (await floatDirectory(directory, precision, cache)).directory,
    threads: 2,
  });

async function exactFeatures() {
  const exact = await makeEngine({ kind: 'winograd', directory });
  const { outputs } = await exact.run(tinyBatch(3, 1), ['features']);
  await exact.dispose();
  return outputs.features;
}

test.each([
  ['winograd', 'winograd:int8', /^winograd:int8: the same bits as the edge\.$/],
  ['onnxruntime-cpu:fp32', 'onnxruntime-cpu:fp32', /^onnxruntime-cpu:fp32: cosine 0\.99\d+ with int8\.$/],
])('%s by name', async (wanted, id, reason) => {
  const choice = await open(wanted);
  expect(choice.id).toBe(id);
  expect(choice.reason).toMatch(reason);
  expect(`${choice.id.split(':')[0]}:${choice.engine.precision}`).toBe(id);
  await choice.engine.dispose();
});

describe('auto', () => {
  test('takes what was measured, says the figures, and refuses the providers that are not here', async () => {
    const { id, engine, reason, batchSize } = await open('auto');
    expect(reason).toMatch(/images\/s in a trial of 2 s \(/);
    expect(reason.startsWith(`${id}: `)).toBe(true);
    expect(batchSize).toBeGreaterThan(0);
    const { outputs } = await engine.run(tinyBatch(3, 1), ['features']);
    if (engine.precision === 'int8') expect(outputs.features).toEqual(await exactFeatures());
    await engine.dispose();
  });

  test('its id asks for the same engine again', async () => {
    const first = await open('onnxruntime-cpu');
    await first.engine.dispose();
    const again = await open(first.id);
    expect(again.id).toBe(first.id);
    await again.engine.dispose();
  });
});

test.each(['gpu', 'winograd:fp16', '', 'auto:int8'])("'%s' is no engine", async (wanted) => {
  await expect(open(wanted)).rejects.toMatchObject({
    name: 'InputError',
    message: expect.stringContaining('Expected one of auto, winograd, onnxruntime-cpu, webgpu, cuda'),
  });
});
