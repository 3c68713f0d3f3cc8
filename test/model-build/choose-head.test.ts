// `vgg-edge build --memory`, as its user sees it: what is measured, what is taken, what is refused.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../cli/main.ts';
import { customConfiguration, type VggConfiguration } from '../../core/family.ts';
import type { HeadChoice, Manifest } from '../../core/manifest.ts';
import { parseManifest } from '../../core/parse-manifest.ts';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { createWinogradEngine } from '../../engine/winograd/engine.ts';
import { plannedMemory } from '../../engine/winograd/planned-memory.ts';
import { buildModel } from '../../model-build/build.ts';
import { isMoreFaithful } from '../../model-build/choose-head.ts';
import { syntheticSets } from '../../model-build/image-sets.ts';
import { TORCHVISION_INPUT } from '../../model-build/network.ts';
import { dequantise } from '../../model-build/quantise.ts';
import { readModel } from '../../model-build/read-model.ts';
import { winogradKernel } from '../engine/winograd-kernel.ts';
import { buildPlace } from './build-place.ts';

/** A classifier wide enough that its forms differ by whole pages of memory. */
const HIDDEN = 256;
const WIDE = ['--init', 'kaiming', '--items', '4,M,6,M,8,M', '--hidden', `${HIDDEN}`, '--classes', '3'];
/** Fewer pixels: the convolutions are the same in every form. */
const SMALL_INPUT = { ...TORCHVISION_INPUT, resize: 64, crop: 56 };

const PACKED = [
  '4-bit fc6 and fc7, groups of 128',
  '4-bit fc6, groups of 128',
  '4-bit fc6 and fc7, groups of 64',
  '4-bit fc6, groups of 64',
  '4-bit fc6, groups of 32',
];

const place = buildPlace();

/** The network of seeded weights, with factors of these ranks. */
function wide(ranks: VggConfiguration['ranks']) {
  const options = { hiddenDim: HIDDEN, outputDim: 3, fc6Rank: ranks.fc6, fc7Rank: ranks.fc7 };
  return customConfiguration([4, 'M', 6, 'M', 8, 'M'], false, options);
}

async function build(
  memoryBytes: number,
  ranks: VggConfiguration['ranks'] = { fc6: null, fc7: null },
): Promise<{ manifest: Manifest; choice: HeadChoice }> {
  const manifest = await buildModel({
    source: { kind: 'seed', configuration: wide(ranks), seed: 1 },
    out: place.out,
    force: true,
    name: 'wide',
    input: SMALL_INPUT,
    images: syntheticSets(SMALL_INPUT),
    labels: { labels: [] },
    defaultDescriptor: undefined,
    licence: 'none',
    precisions: [],
    refine: false,
    rounding: 'measured',
    equalise: true,
    memoryBytes,
    progress: () => {},
  });
  return { manifest, choice: choiceOf(manifest) };
}

function choiceOf({ headChoice }: Manifest): HeadChoice {
  if (headChoice === undefined) throw new Error('no choice in the manifest');
  return headChoice;
}

type Candidate = HeadChoice['candidates'][number];

const loss = ({ cosine }: Candidate) => 1 - (cosine.fc6 + cosine.fc7) / 2;

/** To four digits; of equal ones the smaller, then the nearer. */
const byLoss = (a: Candidate, b: Candidate) =>
  Math.round(loss(a) * 1e4) - Math.round(loss(b) * 1e4) || a.wasmBytes - b.wasmBytes || loss(a) - loss(b);

/** WebAssembly memory of the engine after a run of this model. */
async function measuredMemory(manifest: Manifest, tap: 'features' | 'scores'): Promise<number> {
  const files = diskFiles(place.out);
  const engine = createWinogradEngine({ manifest, files, kernel: winogradKernel(), now: () => 0 });
  const { crop } = manifest.preprocess;
  await engine.run({ images: 1, size: crop, data: new Uint8Array(crop * crop * 3) }, [tap]);
  const bytes = engine.memoryBytes();
  await engine.dispose();
  return bytes;
}

describe('a full-size classifier', () => {
  test('every form is measured, the most faithful that fits is stored; with less memory, another', async () => {
    const { manifest, choice } = await build(128e6);
    expect(choice.candidates.map(({ name }) => name)).toEqual([
      'int8',
      ...PACKED,
      ...[64, 32, 16].map((rank) => `int8, rank ${rank}`),
    ]);
    const taken = choice.candidates.filter((candidate) => candidate.taken);
    expect(taken).toHaveLength(1);
    expect(taken).toEqual(choice.candidates.toSorted(byLoss).slice(0, 1));
    for (const { wasmBytes, isolateBytes, cosine, weightBytes } of choice.candidates) {
      expect(isolateBytes).toBe(wasmBytes + choice.reserved.decoderBytes + choice.reserved.scriptBytes);
      expect(cosine.fc6).toBeGreaterThan(0.3);
      expect(weightBytes).toBeLessThan(wasmBytes - choice.backboneBytes);
    }
    const planned = plannedMemory(manifest);
    expect(planned).toEqual({ features: choice.backboneBytes, scores: taken[0]?.wasmBytes });
    expect(await measuredMemory(manifest, 'features')).toBe(planned.features);
    expect(await measuredMemory(manifest, 'scores')).toBe(planned.scores);
    place.printed.length = 0;
    expect(await main(['inspect', place.out])).toBe(0);
    expect(place.printed.join('\n')).toMatch(
      /→ int8 .*\n.*4-bit fc6 and fc7, groups of 128[\s\S]*int8, rank 16[\s\S]*beyond 128\.0 MB/,
    );
    const [largest = 0] = choice.candidates.map(({ isolateBytes }) => isolateBytes).toSorted((a, b) => b - a);
    await lessThan(largest, choice);
  });

  /** With less memory, the most faithful of those that fit, and it runs. */
  async function lessThan(largest: number, before: HeadChoice) {
    const { manifest, choice } = await build(largest - 1);
    const figures = ({ candidates }: HeadChoice) => candidates.map((each) => ({ ...each, taken: false }));
    expect(figures(choice)).toEqual(figures(before));
    const fitting = choice.candidates.filter(({ isolateBytes }) => isolateBytes < largest);
    expect(fitting.length).toBeLessThan(choice.candidates.length);
    const best = fitting.toSorted(byLoss)[0];
    expect(choice.candidates.find(({ taken }) => taken)).toEqual(best);
    expect(best?.name).toMatch(/^4-bit/);
    expect(manifest.linears[0]?.weight).toMatchObject({ format: 'int4' });
    // The certificate is of what was stored, run by onnxruntime-web from the directory.
    const mean = expect.closeTo(best?.cosine.fc6 ?? Number.NaN, 4);
    expect(manifest.fidelity).toMatchObject({ cosine: { fc6: { mean } } });
    expect(await measuredMemory(manifest, 'scores')).toBe(best?.wasmBytes);
    // What export and float graphs start from.
    const { network } = await readModel(diskFiles(place.out));
    expect(dequantise(network).linears[0]?.weight).toHaveLength(392 * HIDDEN);
  }
});

describe('what is taken first', () => {
  const form = (top1: number, cosine: number, divergence: number, wasmBytes = 90e6) => ({
    headTop1Agreement: top1,
    cosine: { fc6: cosine, fc7: cosine, scores: 1 },
    divergence,
    wasmBytes,
  });
  const [near, agreeing, nearer] = [
    form(0.979, 0.9995, 0.0004),
    form(0.98, 0.9993, 0.0007),
    form(0.995, 0.9995, 0.0003),
  ];

  test.each([
    ['what agrees on 98 % before what is nearer and does not', agreeing, near, true],
    ['among those that agree the nearer one', nearer, agreeing, true],
    ['among those that do not agree the nearer one', form(0.9, 0.9995, 0.0004), form(0.97, 0.99, 0.01), true],
    ['with scores that mean nothing the nearer one', near, agreeing, false],
    [
      'of those that the photographs do not tell apart the smaller one',
      form(0.995, 0.99395, 0.02737, 80e6),
      form(0.995, 0.99395, 0.02736),
      true,
    ],
  ])('%s', (_, first, second, byScores) => {
    expect(isMoreFaithful(first, second, byScores)).toBe(true);
    expect(isMoreFaithful(second, first, byScores)).toBe(false);
  });
});

test('factors are kept as they come, or their weights get 4 bits; a second build has the same id', async () => {
  const command = ['build', ...WIDE, '--rank', '16', '--memory', '128MB', '--out', place.out];
  expect(await main(command)).toBe(0);
  expect(place.printed.join('\n')).toMatch(/ alone +ms *\n[\s\S]* % +\d+\.\d *\n/);
  const json = await readFile(join(place.out, 'model.json'), 'utf8');
  const choice = choiceOf(parseManifest(json));
  expect(choice.candidates.map(({ name }) => name)).toEqual(['int8, factors as given', ...PACKED]);
  expect(await main([...command, '--force'])).toBe(0);
  expect(await readFile(join(place.out, 'model.json'), 'utf8')).toBe(json);
});

describe('one layer has factors, the other is whole', () => {
  test.each([
    { fc6: 16, fc7: null },
    { fc6: null, fc7: 16 },
  ])('$fc6 and $fc7: the given factors stay, lower ranks of the other are tried', async (ranks) => {
    const { choice } = await build(128e6, ranks);
    expect(choice.candidates.map(({ name }) => name)).toEqual([
      'int8, factors as given',
      ...PACKED,
      ...[64, 32, 16].map((rank) => `int8, rank ${rank}`),
    ]);
  });
});

describe('refused', () => {
  test('nothing fits: what the smallest needs, and nothing is left behind', async () => {
    expect(await main(['build', ...WIDE, '--rank', '16', '--memory', '30MB', '--out', place.out])).toBe(1);
    expect(place.printed.join('\n')).toMatch(
      /fits into 30\.0 MB, but the smallest of 6 \(int8, factors as given\) needs 3\d\.\d MB: .* for the convolutions, .* Give --memory 3\dMB or more/,
    );
    expect(await readdir(place.folder)).toEqual([]);
  });

  test.each(['128 apples', 'MB', '-1MB', '0', '1e3'])('--memory %s', async (memory) => {
    expect(await main(['build', ...WIDE, `--memory=${memory}`, '--out', place.out])).toBe(2);
    expect(place.printed.join('\n')).toMatch(/Expected a size as 128MB or 96MiB for --memory/);
    expect(await readdir(place.folder)).toEqual([]);
  });
});
