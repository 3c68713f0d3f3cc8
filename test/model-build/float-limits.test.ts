// Float graphs for GPUs end every activation where its int8 levels end, so that a photograph that leaves the
// calibrated range gets from a GPU what it gets at the edge.

import { cp, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SourceError } from '../../core/errors.ts';
import type { TapOutputs } from '../../core/taps.ts';
import { readModelFile } from '../../engine/model-file.ts';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { createNativeEngine } from '../../engine/node/native-engine.ts';
import { floatDirectory, writeFloatGraphs } from '../../model-build/float-directory.ts';
import { makeFloatFiles } from '../../model-build/float-files.ts';
import type { QuantisedNetwork } from '../../model-build/network.ts';
import { readModel } from '../../model-build/read-model.ts';
import { tinyBatch } from '../engine/tiny-model.ts';

const TINY = join(import.meta.dirname, '../golden/models/tiny');
let folder: string;
let network: QuantisedNetwork;
let last: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-limits-'));
  network = (await readModel(diskFiles(TINY))).network;
  last = network.convolutions.length - 1;
});
afterAll(() => rm(folder, { recursive: true }));

/** The network with the range of its last map divided. */
function narrowed(by: number): QuantisedNetwork {
  const convolutions = network.convolutions.map((convolution, index) =>
    index === last
      ? { ...convolution, output: { ...convolution.output, scale: convolution.output.scale / by } }
      : convolution,
  );
  return { ...network, convolutions };
}

async function featuresOf(
  quantised: QuantisedNetwork,
  precision: 'fp16' | 'fp32',
): Promise<NonNullable<TapOutputs['features']>> {
  const directory = await mkdtemp(join(folder, 'model-'));
  await cp(TINY, directory, { recursive: true });
  const { manifest } = await readModel(diskFiles(directory));
  const floatGraphs = [await writeFloatGraphs(directory, quantised, precision)];
  const engine = createNativeEngine({
    directory,
    manifest: { ...manifest, floatGraphs },
    precision,
    now: () => 0,
  });
  const { outputs } = await engine.run(tinyBatch(2, 1), ['features']);
  await engine.dispose();
  return outputs.features ?? new Float32Array();
}

describe.each(['fp16', 'fp32'] as const)('%s', (precision) => {
  test('values end at the highest level, and below it nothing changes', async () => {
    const whole = await featuresOf(network, precision);
    const largest = Math.max(...whole);
    const half = narrowed((255 * (network.convolutions[last]?.output.scale ?? 0)) / (largest / 2));
    const cut = await featuresOf(half, precision);
    expect(Math.max(...cut) / (largest / 2)).toBeCloseTo(1, 2);
    const within = whole.map((value) => (value < largest / 2 ? 1 : 0));
    expect(within.filter((value) => value === 0).length).toBeGreaterThan(0);
    whole.forEach((value, index) => {
      if (within[index] === 1) expect(cut[index]).toBe(value);
    });
  });
});

describe.each(['fp16', 'fp32'] as const)('made in memory, for a browser: %s', (precision) => {
  test('the files are those written to a disk, byte for byte', async () => {
    const directory = await mkdtemp(join(folder, 'disk-'));
    const written = await writeFloatGraphs(directory, network, precision);
    const { graphs } = await makeFloatFiles(diskFiles(TINY), precision);
    expect(graphs).toEqual(written);
  });

  test('each file is given once; then, and under another name, it is missing', async () => {
    const { graphs, files } = await makeFloatFiles(diskFiles(TINY), precision);
    for (const listed of [...graphs.shards, ...graphs.graphs]) {
      expect(await readModelFile(files, listed)).toHaveLength(listed.bytes);
      await expect(files.open(listed.file)).rejects.toMatchObject({ code: 'missing_file' });
    }
    await expect(files.open('other.bin')).rejects.toBeInstanceOf(SourceError);
  });
});

test('several processes that need the graphs at once all get them; they are kept once', async () => {
  const cache = join(folder, 'shared');
  const found = await Promise.all(Array.from({ length: 8 }, () => floatDirectory(TINY, 'fp16', cache)));
  const [first] = found;
  expect(found).toEqual(found.map(() => first));
  expect(await readdir(cache)).toHaveLength(1);
  for (const { file, bytes } of first?.manifest.floatGraphs[0]?.shards ?? []) {
    expect((await stat(join(first?.directory ?? '', file))).size).toBe(bytes);
  }
});

test('graphs that an earlier version left in the cache are not taken', async () => {
  const cache = join(folder, 'cache');
  const { directory } = await floatDirectory(TINY, 'fp32', cache);
  expect(directory).toMatch(/^.*tiny@[0-9a-f]{12}-fp32-2$/);
});
