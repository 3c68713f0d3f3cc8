// One head, several engines: int8, 4-bit and factorised linear layers from the same shard bytes by our kernel, by
// onnxruntime-web and by onnxruntime-node. int8 gives the same bits; where groups add up in floats, results are the
// same up to the rounding stated here.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { customConfiguration } from '../../core/family.ts';
import { INT4_GROUPS } from '../../core/manifest.ts';
import { TAPS, type TapOutputs } from '../../core/taps.ts';
import { createOrtWebEngine } from '../../engine/edge/engine.ts';
import { openGraphSession } from '../../engine/node/graph-session.ts';
import { compileOrtWebWasm } from '../../engine/node/ort-web-wasm.ts';
import { createWinogradEngine } from '../../engine/winograd/engine.ts';
import type { QuantisedNetwork } from '../../model-build/network.ts';
import { noise } from '../core/noise.ts';
import { randomNetwork, withInt4Head, withWideLevels, writeTemporaryModel } from './random-network.ts';
import { winogradKernel } from './winograd-kernel.ts';

const wasm = await compileOrtWebWasm();
const kernel = winogradKernel();
const now = () => performance.now();
const IMAGES = 3;
const HEAD_TAPS = ['fc6', 'fc7', 'scores'] as const;

/**
 * Largest difference ÷ largest output: rounding of float32 sums for fc6. Behind it a value may fall to the other side
 * of a level's edge, one of 30,000.
 */
const TOLERANCE = { fc6: 2e-6, fc7: 1e-4, scores: 2e-4 } as const;

interface Shape {
  readonly hidden?: number;
  readonly rank?: number;
}

/** 490 inputs: no whole number of groups. Wide enough that 4-bit weights lie in pieces when `hidden` > 256. */
function network({ hidden = 45, rank }: Shape = {}): QuantisedNetwork {
  const ranks = rank === undefined ? {} : { fc6Rank: rank, fc7Rank: rank };
  const configuration = customConfiguration([10, 'M'], false, { hiddenDim: hidden, outputDim: 7, ...ranks });
  return randomNetwork(configuration, 14, 1);
}

/** What each engine gives for the same pixels; onnxruntime-node gets the features of our backbone. */
async function runEverywhere(quantised: QuantisedNetwork) {
  await using model = await writeTemporaryModel(quantised);
  const { directory, manifest, files } = model;
  const size = manifest.preprocess.crop;
  const batch = { images: IMAGES, size, data: noise(IMAGES * size * size * 3, 7) };
  const run = async (create: typeof createOrtWebEngine | typeof createWinogradEngine) => {
    const engine = create({ manifest, files, wasm, kernel, now });
    const { outputs } = await engine.run(batch, TAPS);
    await engine.dispose();
    return outputs;
  };
  const ours = await run(createWinogradEngine);
  const web = await run(createOrtWebEngine);
  const session = await openGraphSession(join(directory, 'head.onnx'), { threads: 1 });
  const data = ours.features ?? new Float32Array();
  const features = { data, shape: [IMAGES, data.length / IMAGES] };
  const values = await session.run({ features }, HEAD_TAPS);
  await session.close();
  const node = Object.fromEntries(HEAD_TAPS.map((tap) => [tap, values[tap]?.data])) as TapOutputs;
  return { ours, web, node };
}

function relativeDifference(a: Float32Array = new Float32Array(), b: Float32Array = new Float32Array()) {
  expect(b).toHaveLength(a.length);
  const largest = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0);
  return (
    a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? Number.NaN))), 0) / largest
  );
}

describe.each<[string, QuantisedNetwork]>([
  ['int8', network()],
  ['int8 before 16-bit levels', withWideLevels(network())],
  ['int8 factors', withWideLevels(network({ rank: 9 }))],
])('%s: the same bits from our kernel and onnxruntime-web', (_, quantised) => {
  test('every tap', async () => {
    const { ours, web } = await runEverywhere(quantised);
    for (const tap of TAPS) expect(web[tap]).toEqual(ours[tap]);
  });
});

describe.each(INT4_GROUPS)('4-bit in groups of %i: the same up to rounding from every engine', (group) => {
  test.each<[string, QuantisedNetwork]>([
    ['every layer', network()],
    ['rows in pieces', network({ hidden: 300 })],
    ['factors', network({ rank: 9 })],
  ])('%s', async (_, plain) => {
    const { ours, web, node } = await runEverywhere(withInt4Head(withWideLevels(plain), group, 3));
    expect(web.features).toEqual(ours.features);
    for (const tap of HEAD_TAPS) {
      expect(relativeDifference(ours[tap], web[tap])).toBeLessThan(TOLERANCE[tap]);
      expect(relativeDifference(ours[tap], node[tap])).toBeLessThan(TOLERANCE[tap]);
    }
  });
});
