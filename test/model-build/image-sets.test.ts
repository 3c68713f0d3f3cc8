// Which photographs of a folder a build calibrates with, and which it keeps apart.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { LOCAL_IMAGE_LIMITS } from '../../core/image.ts';
import type { ImageDecoder } from '../../core/ports.ts';
import { prepareImage } from '../../core/prepare-image.ts';
import { createNodeDecoder } from '../../engine/node/decode.ts';
import { photoSets } from '../../model-build/image-sets.ts';
import { TORCHVISION_INPUT } from '../../model-build/network.ts';

const INPUT = { ...TORCHVISION_INPUT, resize: 1, crop: 1 };

/** Decodes one digit to a pixel of that grey. */
const DECODER: ImageDecoder = {
  async decode(bytes) {
    const digit = Number(new TextDecoder().decode(bytes));
    if (Number.isNaN(digit)) throw new InputError('invalid_image', 'Expected a digit but found none.');
    return { width: 1, height: 1, data: Uint8Array.of(digit, digit, digit) };
  },
};

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Files in order of name; `x` is no picture. */
async function setsOf(contents: string, holdOutEvery: number) {
  for (const [index, content] of [...contents].entries()) {
    await writeFile(join(folder, `${index}.jpg`), content);
  }
  const sets = await photoSets(folder, INPUT, { holdOutEvery, decoder: DECODER, progress: () => {} });
  const digits = ({ data }: { data: Uint8Array }) => [...data].filter((_, at) => at % 3 === 0).join('');
  return {
    calibration: digits(sets.calibration),
    heldOut: digits(sets.heldOut),
    skipped: sets.skipped.length,
  };
}

describe('every n-th that can be decoded is held out', () => {
  test.each([
    ['12345', 2, '135', '24', 0],
    ['1234567', 3, '12457', '36', 0],
    ['1x2', 2, '1', '2', 1],
    ['xx12x34', 2, '13', '24', 3],
  ])('%s, every %i', async (contents, every, calibration, heldOut, skipped) => {
    expect(await setsOf(contents, every)).toEqual({ calibration, heldOut, skipped });
  });

  test.each([
    ['1', 2, /at least 2 photos that can be decoded in .* but found 1\.$/],
    ['1x2', 3, /at least 3 photos .* but found 2\. 1\.jpg: Expected a digit/],
  ])('%s, every %i is refused', async (contents, every, message) => {
    await expect(setsOf(contents, every)).rejects.toThrow(message);
    await expect(setsOf(contents, every)).rejects.toThrow(InputError);
  });
});

test('a large photograph is decoded as every runtime does, at a part of its size', async () => {
  const bytes = await readFile(join(import.meta.dirname, '../../samples/cat.jpg'));
  const small = { ...TORCHVISION_INPUT, resize: 64, crop: 56 };
  const decoder = await createNodeDecoder();
  for (const name of ['1.jpg', '2.jpg']) await writeFile(join(folder, name), bytes);
  const sets = await photoSets(folder, small, { holdOutEvery: 2, decoder, progress: () => {} });
  const parts = { decoder, sizes: small, limits: LOCAL_IMAGE_LIMITS };
  expect(sets.calibration).toEqual(await prepareImage(bytes, undefined, parts));
  expect(sets.heldOut).toEqual(sets.calibration);
});
