// The int8 graphs by onnxruntime-web, whose integer arithmetic is exact, against the simulation in floats.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TAPS } from '../../core/taps.ts';
import { createOrtWebEngine } from '../../engine/edge/engine.ts';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { compileOrtWebWasm } from '../../engine/node/ort-web-wasm.ts';
import { poolWindows } from '../../model-build/adaptive-pool.ts';
import { calibrate } from '../../model-build/calibrate.ts';
import { cosineFigures } from '../../model-build/fidelity.ts';
import { openFloatRunner } from '../../model-build/float-runner.ts';
import { dequantise, quantiseNetwork } from '../../model-build/quantise.ts';
import { syntheticImages } from '../../model-build/synthetic-images.ts';
import { describeModel, writeWeights } from '../../model-build/write-model.ts';
import { smallNetwork } from './networks.ts';

const DETAILS = {
  name: 'small',
  trained: false,
  labels: [],
  calibration: {},
  fidelity: {},
  provenance: {},
  licence: 'none',
  floatGraphs: [],
};
const IMAGES = 3;

describe.each([
  ['a 7×7 map, full classifier', { crop: 56 }],
  ['a 7×7 map, factorised classifier', { crop: 56, rank: 4 }],
  ['a map of one pixel', { crop: 8 }],
  ['a map of 3×3', { crop: 24, rank: 4 }],
  ['a map of 9×9', { crop: 72 }],
])('%s', (_what, options) => {
  test('every tap is what the levels say', async () => {
    const network = smallNetwork(options);
    const images = syntheticImages(8, options.crop, 1);
    const quiet = {
      byScores: false,
      refine: false,
      rounding: 'measured',
      equalise: true,
      progress: () => {},
    } as const;
    const { network: equalised, levels, correlations } = await calibrate(network, images, quiet);
    const quantised = quantiseNetwork(equalised, levels, correlations);
    const batch = syntheticImages(IMAGES, options.crop, 2);

    await using runner = await openFloatRunner(dequantise(quantised), { simulate: true });
    const simulated = await runner.run(batch, TAPS, levels);
    const directory = await mkdtemp(join(tmpdir(), 'vgg-edge-test-'));
    const manifest = describeModel(quantised, await writeWeights(directory, quantised), DETAILS);
    const engine = createOrtWebEngine({
      manifest,
      files: diskFiles(directory),
      wasm: await compileOrtWebWasm(),
      now: () => 0,
    });
    const { outputs } = await engine.run(batch, TAPS);
    await engine.dispose();
    await rm(directory, { recursive: true });

    for (const tap of TAPS) {
      const found = outputs[tap] ?? new Float32Array();
      const expected = simulated.get(tap) ?? new Float32Array();
      expect(found).toHaveLength(expected.length);
      // A sum that falls between two levels may round otherwise in floats.
      expect(cosineFigures(found, expected, IMAGES).min).toBeGreaterThan(0.9999);
    }
  });
});

describe('windows of the adaptive pool', () => {
  test.each([
    [1, [0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]],
    [7, [0, 1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7]],
    [9, [0, 1, 2, 3, 5, 6, 7], [2, 3, 4, 6, 7, 8, 9]],
  ])('of a side of %i', (side, starts, ends) => {
    const windows = poolWindows(side);
    expect(windows.map(({ start }) => start)).toEqual(starts);
    expect(windows.map(({ end }) => end)).toEqual(ends);
  });
});
