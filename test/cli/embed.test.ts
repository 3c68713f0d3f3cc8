// vgg-edge embed on the command line: what it prints, writes and refuses, with the tiny model.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createEmbedProgress } from '../../cli/embed-progress.ts';
import { main } from '../../cli/main.ts';
import { decodeNpy } from '../../core/npy.ts';
import { createMeter } from '../../runner/meter.ts';
import { readFailures, TINY, writePhotos } from '../runner/run-fixture.ts';
import { captureConsole } from './captured-console.ts';

let folder: string;
let photos: string;
const { printed, complained, clear } = captureConsole();
const OPTIONS = ['--model', TINY, '--engine', 'winograd', '--threads', '1', '--shard-size', '10'];
const embed = (out: string, ...args: string[]) =>
  main(['embed', photos, '--out', join(folder, out), ...OPTIONS, ...args]);

/** Without those that tell of progress, which come with time. */
const eventNames = () =>
  printed.map((line): string => JSON.parse(line).event).filter((event) => event !== 'progress');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-embed-'));
  photos = join(folder, 'photos');
  await writePhotos(photos, 23, 9);
});
afterAll(() => rm(folder, { recursive: true }));

test('a summary, a report with a picture, and nothing to do the second time', async () => {
  expect(await embed('plain')).toBe(0);
  expect(printed[0]).toMatch(/^23 inputs: 21 vectors in 3 shards, 2 failed \(.*failures\.jsonl\)$/);
  expect(printed[1]).toMatch(/^ {2}2 unsupported_image, the first \S+\.jpg: Expected image/);
  expect(printed.join('\n')).toMatch(
    /images\/s, peak memory \d+ MB\nBusy: .*; the bottleneck is \w+\n[▁-█]+ up to/,
  );
  const html = await readFile(join(folder, 'plain/report.html'), 'utf8');
  expect(html).toContain('<svg');
  expect(html).toContain("default-src 'none'");
  expect(html).toMatch(/<h1>21 vectors<\/h1>.*unsupported_image<td class="number">2<td>/s);
  const summary = JSON.parse(await readFile(join(folder, 'plain/summary.json'), 'utf8'));
  expect(summary).toMatchObject({ items: 23, vectors: 21, failed: 2, shards: 3, engine: 'winograd:int8' });
  expect(summary.failures).toEqual({ unsupported_image: 2 });
  clear();
  expect(await embed('plain')).toBe(0);
  expect(printed.at(-1)).toBe('Everything was done before.');
  clear();
  expect(await embed('plain', '--json')).toBe(0);
  expect(eventNames()).toEqual(['start', 'listed', 'shard', 'shard', 'shard', 'end']);
  expect(await embed('plain', '--max-failure-rate', '0')).toBe(1);
  expect(complained.join('\n')).toMatch(/2 of 23 did/);
});

test('a row that names no image fails at its own place', async () => {
  const list = join(folder, 'list.jsonl');
  await writeFile(list, `${JSON.stringify({ path: join(photos, '000/00000.jpg') })}\nno JSON\n`);
  expect(await main(['embed', list, '--out', join(folder, 'listed'), ...OPTIONS])).toBe(0);
  expect(await readFailures(join(folder, 'listed'))).toMatchObject([
    { id: 'list.jsonl#2', location: 'list.jsonl#2', reason: expect.stringMatching(/^Row 2 of .*no JSON/) },
  ]);
});

test('events as JSON lines', async () => {
  expect(await embed('json', '--json')).toBe(0);
  const events: { event: string }[] = printed.map((line) => JSON.parse(line));
  const names = eventNames();
  expect(names.filter((name) => name === 'shard')).toHaveLength(3);
  expect(names.filter((name) => name === 'failure')).toHaveLength(2);
  expect([names[0], names[1], names.at(-1)]).toEqual(['start', 'engine', 'end']);
  expect(events.at(-1)).toMatchObject({ items: 23, vectors: 21, session: { images: 23 } });
});

test('the options of the API: pool, dtype, crop, length', async () => {
  const args = ['--pool', 'avg', '--dtype', 'int8', '--crop', '0%,0%,50%,50%', '--no-normalize'];
  expect(await embed('options', ...args)).toBe(0);
  expect(decodeNpy(await readFile(join(folder, 'options/shard-000001.npy'))).dtype).toBe('int8');
  expect(JSON.parse(await readFile(join(folder, 'options/run.json'), 'utf8'))).toMatchObject({
    normalize: false,
    crop: { unit: 'fractions', left: 0, top: 0, width: 0.5, height: 0.5 },
    space: { pool: 'avg' },
  });
});

test('straight into a vector store, which search then asks', async () => {
  const store = join(folder, 'indexes');
  expect(await embed('stored', '--format', `store:${store}#photos`)).toBe(0);
  expect(printed[0]).toMatch(/^23 inputs: 21 vectors/);
  clear();
  const ask = ['--in', store, '--index', 'photos', '--model', TINY];
  expect(await main(['search', '--id', '000/00004.jpg', '--top-k', '1', ...ask])).toBe(0);
  expect(printed).toEqual(['1.0000  000/00004.jpg']);
});

describe('refused', () => {
  test.each<[string, string[], number, RegExp]>([
    ['no place', ['embed', 'photos'], 2, /--out/],
    ['no source', ['embed', '--out', 'x'], 2, /a source but found none/],
    ['half a crop', ['embed', 'photos', '--out', 'x', '--crop', '1,2,3'], 2, /left,top,width,height/],
    ['a crop in both units', ['embed', 'photos', '--out', 'x', '--crop', '1%,2,3,4'], 2, /all in per cent/],
    ['a rate', ['embed', 'photos', '--out', 'x', '--max-failure-rate', '5'], 2, /a share from 0 to 1/],
    ['a dtype', ['embed', 'photos', '--out', 'x', '--dtype', 'int4'], 2, /float32, int8, binary/],
  ])('%s', async (_, args, code, message) => {
    expect(await main([...args, '--model', TINY])).toBe(code);
    expect(complained.join('\n')).toMatch(message);
  });

  test('a folder for the run that is a file', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    expect(await main(['embed', photos, '--out', file, ...OPTIONS])).toBe(1);
    expect(complained.join('\n')).toMatch(/Expected a folder at .*a-file but it is a file/);
  });

  test('a source that is none, before anything is written or an engine is tried', async () => {
    const nowhere = join(folder, 'nowhere');
    const options = ['--model', TINY, '--engine', 'none'];
    expect(await main(['embed', nowhere, '--out', join(folder, 'none'), ...options])).toBe(1);
    expect(complained.join('\n')).toMatch(/nothing at .*nowhere/);
    await expect(readFile(join(folder, 'none/run.json'))).rejects.toThrow(/ENOENT/);
  });

  test('another option in the folder of a run, naming it', async () => {
    expect(await embed('plain', '--pool', 'max')).toBe(1);
    expect(complained.join('\n')).toMatch(/pool was gem and is now max/);
  });

  test('a run in which too many fail, with a list of them, until they are allowed', async () => {
    expect(await embed('strict', '--max-failure-rate', '0')).toBe(1);
    expect(complained.join('\n')).toMatch(/at most 0 % .*2 of 23 did/);
    expect(await readFailures(join(folder, 'strict'))).toHaveLength(2);
    expect(await embed('strict', '--retry-failed', '--max-failure-rate', '0.07')).toBe(1);
    expect(complained.join('\n')).toMatch(/at most 7 % .*2 of 23 did/);
    expect(await embed('strict')).toBe(0);
  });
});

test('on a terminal a bar with rate, time left, shares and queues; elsewhere plain lines', () => {
  vi.useFakeTimers();
  try {
    for (const isTTY of [true, false]) {
      let time = 0;
      const meter = createMeter(() => time);
      const written: string[] = [];
      const output = { isTTY, columns: 200, write: (text: string) => written.push(text) };
      const progress = createEmbedProgress({ meter, json: false, output, print: () => undefined });
      progress.listed({ items: 400, complete: true });
      time = 10_000;
      meter.ended(100, 3);
      vi.advanceTimersByTime(10_000);
      progress.close();
      const line = written.join('');
      expect(line).toMatch(
        /100\/400 · 10\.0 images\/s · 30 s left · 3 failed · engine 0 % · decoding 0 % · queues/,
      );
      expect(line.includes('█████░░░░░░░░░░░░░░░')).toBe(isTTY);
      expect(line.includes('\r')).toBe(isTTY);
    }
  } finally {
    vi.useRealTimers();
  }
});

test.each([
  [47, '█████░░░░░░░░░░░░░░░ 100/400 · 10.0 images/s'],
  [60, '█████░░░░░░░░░░░░░░░ 100/400 · 10.0 images/s · 30 s left'],
  [20, '█████░░░░░░░░░░░░░░'],
])('a terminal of %i columns', (columns, line) => {
  vi.useFakeTimers();
  try {
    let time = 0;
    const meter = createMeter(() => time);
    const written: string[] = [];
    const output = { isTTY: true, columns, write: (text: string) => written.push(text) };
    const progress = createEmbedProgress({ meter, json: false, output, print: () => undefined });
    progress.opening();
    vi.advanceTimersByTime(1000);
    progress.chosen({ id: 'winograd:int8', reason: 'winograd:int8, the only one.' });
    progress.listed({ items: 400, complete: true });
    time = 10_000;
    meter.ended(100, 0);
    vi.advanceTimersByTime(200);
    progress.close();
    const said = ['\r\u001b[K', 'Begins with winograd:int8, the only one.\n'];
    expect(written).toEqual([expect.stringMatching(/^\rOpening/), ...said, `\r${line}\u001b[K`, '\n']);
  } finally {
    vi.useRealTimers();
  }
});
