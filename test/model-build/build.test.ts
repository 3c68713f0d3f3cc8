// The whole build on a small scale: same input, same bytes; bad input, a clear error and nothing left behind.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../cli/main.ts';
import { parseManifest } from '../../core/parse-manifest.ts';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { floatDirectory } from '../../model-build/float-directory.ts';
import { openWeights } from '../../model-build/open-weights.ts';
import { dequantise } from '../../model-build/quantise.ts';
import { readModel } from '../../model-build/read-model.ts';
import { readNetwork } from '../../model-build/read-network.ts';
import { writeSafetensors } from '../../model-build/write-safetensors.ts';
import { buildPlace } from './build-place.ts';

const GOLDEN = join(import.meta.dirname, '../golden');
const TINY = join(GOLDEN, 'models/tiny');
const SEEDED = [
  '--init',
  'kaiming',
  '--items',
  '4,M,6,M,8,M',
  '--hidden',
  '8',
  '--classes',
  '3',
  '--rank',
  '2',
];

const place = buildPlace();

async function contents(directory: string): Promise<Record<string, string>> {
  const files = (await readdir(directory)).sort();
  const read = async (file: string) => [file, await readFile(join(directory, file), 'base64')] as const;
  return Object.fromEntries(await Promise.all(files.map(read)));
}

describe('vgg-edge build', () => {
  test('the same seed gives the same bytes, and a manifest that says what it is', async () => {
    expect(await main(['build', ...SEEDED, '--out', place.out])).toBe(0);
    const first = await contents(place.out);
    expect(await main(['build', ...SEEDED, '--out', place.out, '--force'])).toBe(0);
    expect(await contents(place.out)).toEqual(first);
    const manifest = parseManifest(await readFile(join(place.out, 'model.json'), 'utf8'));
    expect(manifest).toMatchObject({
      name: 'model',
      trained: false,
      provenance: { kind: 'kaiming', seed: 1 },
    });
    expect(manifest.fidelity).toMatchObject({ images: 8 });
    expect(place.printed.join('\n')).toMatch(/conv1\.weight[\s\S]*features[\s\S]*top-1 agreement/);
    expect(await readdir(place.folder)).toEqual(['model']);
  });

  test('--nearest --keep-channels: the other way of rounding is neither tried nor taken', async () => {
    expect(await main(['build', ...SEEDED, '--nearest', '--keep-channels', '--out', place.out])).toBe(0);
    const { calibration } = parseManifest(await readFile(join(place.out, 'model.json'), 'utf8'));
    expect(calibration).toMatchObject({ equalised: false, taken: { rounding: 'nearest' } });
    expect(calibration.candidates).not.toEqual([]);
    expect(calibration.candidates).not.toContainEqual(expect.objectContaining({ rounding: 'kernels' }));
  });

  test('photos: those that cannot be decoded are named and skipped', async () => {
    const photos = join(place.folder, 'photos');
    await mkdir(photos);
    const source = join(GOLDEN, 'images');
    const files = (await readdir(source)).filter((file) => /\.(jpg|png)$/.test(file)).slice(0, 4);
    for (const file of files) await writeFile(join(photos, file), await readFile(join(source, file)));
    await writeFile(join(photos, 'broken.jpg'), 'not a photo');
    const weights = join(GOLDEN, 'weights/vgg11_bn.pth');
    expect(await main(['build', '--weights', weights, '--calibration', photos, '--out', place.out])).toBe(0);
    expect(place.printed.join('\n')).toMatch(/skipped broken\.jpg/);
    const { calibration, provenance, trained } = parseManifest(
      await readFile(join(place.out, 'model.json'), 'utf8'),
    );
    expect(trained).toBe(true);
    expect(calibration).toMatchObject({ kind: 'photos', skipped: 1 });
    expect(provenance).toMatchObject({ kind: 'weights', file: 'vgg11_bn.pth' });
  });

  const bad: readonly [what: string, args: readonly string[], code: number, message: RegExp][] = [
    ['no source', [], 2, /either --weights or --init/],
    ['an unknown option', [...SEEDED, '--speed'], 2, /speed/],
    ['an unknown network', ['--init', 'kaiming', '--network', 'vgg12'], 1, /vgg11, vgg11_bn/],
    ['an invalid item', ['--init', 'kaiming', '--items', '8,M,x'], 1, /at position 2/],
    ['no such weights', ['--weights', 'nowhere.pth'], 1, /nowhere\.pth/],
    ['a folder without photos', [...SEEDED, '--calibration', GOLDEN], 1, /Expected photos \(\.jpg/],
    ['no such folder', [...SEEDED, '--calibration', 'nowhere'], 1, /Expected a folder of photos at nowhere/],
    ['no such labels', [...SEEDED, '--labels', 'nowhere.txt'], 1, /labels/],
    ['an unknown precision', [...SEEDED, '--precision', 'fp8'], 2, /fp16, fp32/],
  ];
  test.each(bad)('%s', async (_what, args, code, message) => {
    expect(await main(['build', ...args, '--out', place.out])).toBe(code);
    expect(place.printed.join('\n')).toMatch(message);
    expect(await readdir(place.folder)).toEqual([]);
  });

  test('photos of which none can be decoded', async () => {
    const photos = join(place.folder, 'photos');
    await mkdir(photos);
    await writeFile(join(photos, 'a.jpg'), 'no');
    expect(await main(['build', ...SEEDED, '--calibration', photos, '--out', place.out])).toBe(1);
    expect(place.printed.join('\n')).toMatch(/at least 2 photos that can be decoded/);
  });

  test('weights that are not finite, by tensor and place', async () => {
    const file = await openWeights(join(GOLDEN, 'weights/vgg11_bn.safetensors'));
    const tensors = [];
    for (const { name, shape } of file.tensors.values()) {
      tensors.push({ name, shape, values: await file.read(name) });
    }
    await file.close();
    const spoilt = tensors.find(({ name }) => name === 'features.4.weight');
    if (spoilt !== undefined) spoilt.values[1] = Number.NaN;
    const weights = join(place.folder, 'nan.safetensors');
    await writeSafetensors(weights, tensors, {});
    expect(await main(['build', '--weights', weights, '--out', place.out])).toBe(1);
    expect(place.printed.join('\n')).toMatch(/features\.4\.weight.*NaN at \[0, 0, 0, 1\]/);
    expect(await readdir(place.folder)).toEqual(['nan.safetensors']);
  });

  test('a number of labels that is not that of the classes', async () => {
    const labels = join(place.folder, 'labels.txt');
    await writeFile(labels, 'cat\ndog\n');
    expect(await main(['build', ...SEEDED, '--labels', labels, '--out', place.out])).toBe(1);
    expect(place.printed.join('\n')).toMatch(/3 labels.*found 2/);
  });
});

describe('from a model directory', () => {
  test('export gives the float weights back, in names that every reader knows', async () => {
    const weights = join(place.folder, 'model.safetensors');
    expect(await main(['export', TINY, '--to', 'safetensors', '--out', weights])).toBe(0);
    const { network } = await readModel(diskFiles(TINY));
    const expected = dequantise(network);
    const file = await openWeights(weights);
    const found = await readNetwork(file, network.input);
    await file.close();
    expect(found.configuration).toMatchObject({ batchNorm: false, ranks: network.configuration.ranks });
    expect(found.convolutions).toEqual(expected.convolutions);
    expect(found.linears).toEqual(expected.linears);
    expect(await readdir(place.folder)).toEqual(['model.safetensors']);
  });

  test('export refuses what it does not write', async () => {
    expect(await main(['export', TINY, '--to', 'onnx', '--out', place.out])).toBe(2);
    expect(
      await main(['export', join(place.folder, 'none'), '--to', 'safetensors', '--out', place.out]),
    ).toBe(3);
    expect(await readdir(place.folder)).toEqual([]);
  });

  test('float graphs are made once, on demand, under the id of the model', async () => {
    const cache = join(place.folder, 'cache');
    const made = await floatDirectory(TINY, 'fp16', cache);
    expect(await readdir(cache)).toEqual([expect.stringMatching(/^tiny@[0-9a-f]{12}-fp16-\d+$/)]);
    expect(made.manifest.floatGraphs.map(({ precision }) => precision)).toEqual(['fp16']);
    const written = await contents(made.directory);
    expect(await floatDirectory(TINY, 'fp16', cache)).toEqual(made);
    expect(await contents(made.directory)).toEqual(written);
  });
});
