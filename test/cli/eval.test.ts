// `vgg-edge eval` from the command line, on the tiny model: what it writes and how it refuses.

import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../cli/main.ts';

const ROOT = join(import.meta.dirname, '../..');
const MODEL = join(ROOT, 'test/golden/models/tiny');

let folder = '';
const printed: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-eval-'));
  printed.length = 0;
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      printed.push(String(text));
      return true;
    });
  }
  vi.spyOn(console, 'error').mockImplementation((text) => {
    printed.push(String(text));
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

async function classFolders(classes: Readonly<Record<string, readonly string[]>>): Promise<string> {
  const images = join(folder, 'images');
  await mkdir(images);
  for (const [name, samples] of Object.entries(classes)) {
    await mkdir(join(images, name));
    for (const sample of samples) {
      await copyFile(join(ROOT, 'samples', sample), join(images, name, sample));
    }
  }
  return images;
}

test('a table, a report and a picture; a damaged photograph is named', async () => {
  const images = await classFolders({ animals: ['cat.jpg'], people: ['astronaut.jpg', 'cameraman.jpg'] });
  await writeFile(join(images, 'animals/zeros.jpg'), new Uint8Array(100));
  const [json, picture] = [join(folder, 'report.json'), join(folder, 'report.svg')];
  expect(await main(['eval', MODEL, '--images', images, '--json', json, '--picture', picture])).toBe(0);
  expect(printed.join('')).toMatch(/in int8: 3 of 4 photographs in .*, 2 classes[\s\S]*features gem/);
  expect(printed.join('')).toMatch(/1 not measured:\n {2}animals\/zeros\.jpg: /);
  expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject({
    format: 'vgg-edge-eval',
    photos: { found: 4, measured: 3, classes: 2, failed: [{ name: 'animals/zeros.jpg' }] },
  });
  expect(await readFile(picture, 'utf8')).toMatch(/^<svg /);
});

describe('refused with the right exit code', () => {
  test('no photographs: 1', async () => {
    expect(await main(['eval', MODEL, '--images', folder])).toBe(1);
    expect(printed.join('')).toMatch(/Expected photographs .* but found none/);
  });
  test('one class: 1', async () => {
    expect(await main(['eval', MODEL, '--images', await classFolders({ cats: ['cat.jpg'] })])).toBe(1);
    expect(printed.join('')).toMatch(/at least two class folders .* one, 'cats'/);
  });
  test.each([
    ['no such weights', 'no-such.pth', /^error: .*no-such\.pth/],
    [
      'weights of another network',
      join(ROOT, 'test/golden/weights/vgg11_bn.pth'),
      /Expected weights of a network with \d+ values for features, as the model has, but .*vgg11_bn\.pth gives/,
    ],
  ])('%s: 1', async (_what, reference, message) => {
    const images = await classFolders({ a: ['cat.jpg'], b: ['rocket.jpg'] });
    expect(await main(['eval', MODEL, '--images', images, '--reference', reference])).toBe(1);
    expect(printed.join('')).toMatch(message);
  });
  test('too few photographs to whiten by: 2', async () => {
    const images = await classFolders({ a: ['cat.jpg'], b: ['rocket.jpg'] });
    expect(await main(['eval', MODEL, '--images', images, '--whiten', images, '--dimensions', '2'])).toBe(2);
    expect(printed.join('')).toMatch(/more than 2 photographs to fit 2 dimensions but found 2/);
  });
  test.each([
    ['no folder', [MODEL]],
    ['no model', ['--images', 'x']],
    ['a number that is none', [MODEL, '--images', 'x', '--limit', 'many']],
  ])('%s: 2', async (_what, args) => {
    expect(await main(['eval', ...args])).toBe(2);
  });
});
