// Weight files of every format against what PyTorch holds, and files that are none.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openSource, openWeights } from '../../model-build/open-weights.ts';
import { digestOf, expectedDigests, goldenBytes, goldenPath } from './goldens.ts';
import { memorySource } from './memory-source.ts';
import { bytesOf } from './pickle-writer.ts';

describe('reads what PyTorch wrote, value for value', () => {
  test.each(Object.entries(expectedDigests()))('%s', async (file, digest) => {
    const weights = await openWeights(goldenPath(file));
    onTestFinished(() => weights.close());
    expect(await digestOf(weights)).toBe(digest);
  });

  test.each([
    ['vgg11.pth', 'torch-zip'],
    ['tiny-legacy.pth', 'torch-legacy'],
    ['vgg11_bn.safetensors', 'safetensors'],
  ])('%s is recognised by its bytes as %s', async (file, format) => {
    const weights = await openSource(memorySource(goldenBytes(file), 'weights.bin'));
    expect(weights.format).toBe(format);
  });

  test('tensors of other types are listed, not read', async () => {
    const weights = await openSource(memorySource(goldenBytes('views.pth')));
    expect(weights.skipped).toEqual(
      new Map([
        ['counter', 'int64'],
        ['double', 'float64'],
      ]),
    );
    await expect(weights.read('double')).rejects.toThrow(
      'Expected a tensor of floats for double but found float64.',
    );
    await expect(weights.read('none')).rejects.toThrow('for none but found none of that name');
  });

  test('the weights inside a checkpoint, nothing else of it', async () => {
    const weights = await openSource(memorySource(goldenBytes('tiny-checkpoint.pth')));
    expect([...weights.tensors.keys()].every((name) => /^module\.(features|classifier)\./.test(name))).toBe(
      true,
    );
  });
});

describe('reads tensor by tensor', () => {
  test.each(['vgg19_bn.pth', 'tiny-legacy.pth', 'tiny-bfloat16-legacy.pth', 'vgg11_bn.safetensors'])(
    '%s: each read asks for the bytes of one tensor',
    async (file) => {
      const source = memorySource(goldenBytes(file));
      const weights = await openSource(source);
      for (const [name, { shape, dtype }] of weights.tensors) {
        source.reads.length = 0;
        await weights.read(name);
        const bytes = shape.reduce((product, size) => product * size, dtype === 'float32' ? 4 : 2);
        expect(source.reads, name).toEqual([bytes]);
      }
    },
  );

  test('opening a zip file reads its structure, not its tensors', async () => {
    // 3 MB of floats around a structure of a few hundred bytes.
    const { zipFile } = await import('./torch-writer.ts');
    const { dict, tensor } = await import('./pickle-writer.ts');
    const elements = 750_000;
    const value = dict({ weight: tensor({ elements, shape: [elements], strides: [1] }) });
    const source = memorySource(zipFile(value, { 0: new Uint8Array(4 * elements) }));
    const weights = await openSource(source);
    expect(source.reads.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(70_000);
    expect((await weights.read('weight')).length).toBe(elements);
  });
});

describe('is no weight file', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /\.safetensors, for memory\.pth but found an empty file/],
    ['a photo', bytesOf(0xff, 0xd8, 0xff, 0xe0, 'JFIF'), /a file that starts with ff d8 ff e0 4a/],
    ['half of a signature', bytesOf('P'), /a file that starts with 50/],
    ['zeros', new Uint8Array(64), /a file that starts with 00 00/],
    ['a zip file without pickle', goldenBytes('vgg11.pth').subarray(0, 400), /a whole and sound zip archive/],
  ])('%s', async (_, bytes, message) => {
    await expect(openSource(memorySource(bytes))).rejects.toMatchObject({
      name: 'InputError',
      code: 'invalid_weights',
      message: expect.stringMatching(message),
    });
  });

  test('a path without file, and a folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await expect(openWeights(join(folder, 'none.pth'))).rejects.toMatchObject({ code: 'not_found' });
    await expect(openWeights(folder)).rejects.toMatchObject({
      code: 'invalid_file',
      message: `Expected a file at ${folder} but found a folder.`,
    });
  });

  test('a file that shrinks while it is read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'weights.safetensors');
    await writeFile(path, goldenBytes('vgg11_bn.safetensors'));
    const weights = await openWeights(path);
    onTestFinished(() => weights.close());
    await writeFile(path, '');
    await expect(weights.read('features.0.weight')).rejects.toThrow(/the file changed while it was read/);
  });
});
