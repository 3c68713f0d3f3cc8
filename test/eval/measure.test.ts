// The whole measurement, with extractors that see only colours in place of networks.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import type { ImageDecoder } from '../../core/ports.ts';
import { createNodeDecoder } from '../../engine/node/decode.ts';
import type { Extractor } from '../../eval/extractor.ts';
import { type Measurement, measureModel } from '../../eval/measure.ts';
import { choosePhotos } from '../../eval/photos.ts';
import { drawReport } from '../../eval/picture.ts';
import type { EvalReport } from '../../eval/report.ts';
import { textReport } from '../../eval/text-report.ts';
import { openVectorCache } from '../../eval/vector-cache.ts';
import { folderOf } from './folder.ts';
import { testManifest } from './manifest.ts';

/** Decodes `red`, `blue` and so on to a picture of that colour; the digit at the end moves it a little. */
const DECODER: ImageDecoder = {
  async decode(bytes) {
    const text = new TextDecoder().decode(bytes);
    const colour = text.startsWith('red') ? [200, 0, 0] : text.startsWith('blue') ? [0, 0, 200] : undefined;
    if (colour === undefined) throw new InputError('invalid_image', `Expected a picture but found ${text}.`);
    const shift = Number(text.at(-1));
    const pixel = colour.map((value) => value + shift);
    return {
      width: 256,
      height: 256,
      data: Uint8Array.from({ length: 256 * 256 * 3 }, (_, at) => pixel[at % 3] ?? 0),
    };
  },
};

/** features: red and blue in both channels' maps; scores: red, blue. Counts the images it has seen. */
function colours(key: string, bias = 0): Extractor & { seen: number } {
  const extractor = {
    key,
    seen: 0,
    outputs: [
      { name: 'features', width: 98 },
      { name: 'scores', width: 2 },
    ],
    run: async ({ images, size, data }: Parameters<Extractor['run']>[0]) => {
      extractor.seen += images;
      const pixels = Array.from({ length: images }, (_, image) => data.subarray(image * size * size * 3));
      return [
        Float32Array.from(
          pixels.flatMap(([red = 0, , blue = 0]) => [...Array(49).fill(red + bias), ...Array(49).fill(blue)]),
        ),
        Float32Array.from(pixels.flatMap(([red = 0, , blue = 0]) => [red + bias, blue])),
      ];
    },
    close: async () => {},
  };
  return extractor;
}

const PHOTOS = {
  'red/1.jpg': 'red 1',
  'red/2.jpg': 'red 2',
  'red/broken.jpg': 'static',
  'blue/1.jpg': 'blue 3',
  'blue/2.jpg': 'blue 4',
};

async function measurement(
  files: Readonly<Record<string, string>>,
  changes: Partial<Measurement> = {},
): Promise<Measurement> {
  const folder = await folderOf(files);
  return {
    model: {
      manifest: testManifest(['red', 'blue']),
      id: 'small@0',
      extractor: colours('small@0-int8'),
    },
    reference: { name: 'weights.pth', extractor: colours('float', 1) },
    decoder: DECODER,
    cache: openVectorCache(await folderOf({})),
    images: { ...(await choosePhotos(folder)), folder },
    whitening: null,
    progress: () => {},
    ...changes,
  };
}

test('class folders: accuracy, retrieval, fidelity; a broken photograph is named and fails no other', async () => {
  const report = await measureModel(await measurement(PHOTOS));
  expect(report).toMatchObject({
    model: 'small@0',
    precision: 'int8',
    reference: 'weights.pth',
    photos: {
      found: 5,
      measured: 4,
      classes: 2,
      failed: [{ name: 'red/broken.jpg', reason: 'Expected a picture but found static.' }],
    },
    classification: { int8: { photos: 4, top1: 1 }, float32: { top1: 1 } },
    withoutLabel: [],
  });
  expect(report.retrieval.map(({ name, dimensions }) => [name, dimensions])).toEqual([
    ['features avg', 2],
    ['features max', 2],
    ['features gem', 2],
    ['features rmac', 2],
    ['features', 98],
    ['scores', 2],
    ['colour histogram (HSV)', 256],
  ]);
  expect(report.retrieval.map(({ figures }) => figures.int8?.meanAveragePrecision)).toEqual(Array(7).fill(1));
  expect(report.fidelity?.taps.features?.mean).toBeGreaterThan(0.999);
  expect(report.fidelity?.top1Agreement).toBe(1);
});

test('what is in the cache is neither decoded nor run again', async () => {
  const first = await measurement(PHOTOS);
  const report = await measureModel(first);
  const again = colours('small@0-int8');
  const reference = colours('float');
  const second: Measurement = {
    ...first,
    model: { ...first.model, extractor: again },
    reference: { name: 'weights.pth', extractor: reference },
  };
  expect(await measureModel(second)).toEqual(report);
  expect([again.seen, reference.seen]).toEqual([0, 0]);
});

test('without classes and reference only the neighbours are left; without a label no accuracy', async () => {
  const plain = await measureModel(
    await measurement({ '1.jpg': 'red 1', '2.jpg': 'blue 1' }, { reference: null }),
  );
  expect(plain).toMatchObject({
    classification: null,
    withoutLabel: [],
    fidelity: null,
    photos: { classes: 0 },
  });
  const unknown = await measureModel(await measurement({ 'rose/1.jpg': 'red 1', 'sky/2.jpg': 'blue 1' }));
  expect(unknown).toMatchObject({ classification: null, withoutLabel: ['rose', 'sky'] });
});

test('whitening is fitted to the other photographs, and measured beside the plain vectors', async () => {
  const others = await folderOf({ '1.jpg': 'red 1', '2.jpg': 'red 9', '3.jpg': 'blue 5', '4.jpg': 'blue 7' });
  const whitening = { ...(await choosePhotos(others)), folder: others, dimensions: 2 };
  const report = await measureModel(await measurement(PHOTOS, { whitening }));
  expect(report.whitening).toEqual({ folder: others, photos: 4 });
  const rows = report.retrieval.filter(({ whitened }) => whitened);
  expect(rows.map(({ name }) => name)).toContain('features avg, whitened');
  expect(rows.every(({ dimensions }) => dimensions === 2)).toBe(true);
});

test('photographs that all fail are refused with the first reason', async () => {
  const measuring = measureModel(await measurement({ '1.jpg': 'static' }));
  await expect(measuring).rejects.toThrow(/all 1 failed; the first is 1\.jpg: Expected a picture/);
});

describe('what is shown', () => {
  const shown = async (files = PHOTOS): Promise<EvalReport> => measureModel(await measurement(files));

  test('tables in Markdown, and every photograph that was not measured', async () => {
    const text = textReport(await shown());
    expect(text).toMatch(/small@0 in int8: 4 of 5 photographs in .*, 2 classes/);
    expect(text).toMatch(/\| int8 +\| 100\.0 % \|/);
    expect(text).toMatch(/\| features avg +\| +2 \| 1\.000 \|/);
    expect(text).toContain('1 not measured:\n  red/broken.jpg: Expected a picture but found static.');
  });

  test('a picture that is XML, whatever the names are', async () => {
    const report = { ...(await shown()), reference: '<weights> & "more"' };
    const picture = drawReport(report);
    expect(picture).toContain('&lt;weights&gt; &amp;');
    expect(picture.match(/<(rect|text|path|svg|title)\b/g)?.length).toBeGreaterThan(20);
    expect(picture).not.toMatch(/NaN|undefined|Infinity/);
  });
});

test('real photographs and damaged ones by the real decoder', async () => {
  const cat = await readFile(join(import.meta.dirname, '../../samples/cat.jpg'));
  const folder = await folderOf({
    'cat.jpg': cat,
    'cut.jpg': cat.subarray(0, 900),
    'zeros.png': new Uint8Array(64),
  });
  const extractor = colours('small@0-int8');
  onTestFinished(() => extractor.close());
  const report = await measureModel(
    await measurement(
      { '1.jpg': '' },
      {
        decoder: await createNodeDecoder(),
        images: { ...(await choosePhotos(folder)), folder },
        model: { manifest: testManifest(['red', 'blue']), id: 'small@0', extractor },
        reference: null,
      },
    ),
  );
  expect(report.photos.measured).toBe(1);
  expect(report.photos.failed.map(({ name }) => name)).toEqual(['cut.jpg', 'zeros.png']);
});
