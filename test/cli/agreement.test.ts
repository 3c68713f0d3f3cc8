// vgg-edge agreement, end to end with the tiny model: what it prints and writes, and what inspect shows of it.

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../cli/main.ts';
import { parseAgreement } from '../../core/agreement.ts';
import { captureConsole } from './captured-console.ts';

const ROOT = join(import.meta.dirname, '../..');

let folder: string;
let model: string;
let photos: string;
const { printed, complained, clear } = captureConsole();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-agreement-'));
  model = join(folder, 'tiny');
  photos = join(folder, 'photos');
  await cp(join(ROOT, 'test/golden/models/tiny'), model, { recursive: true });
  for (const name of ['cat.jpg', 'rocket.jpg', 'galaxies.jpg', 'clock.jpg']) {
    await cp(join(ROOT, 'samples', name), join(photos, name));
  }
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(() => {
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('agreement', () => {
  const fp32 = ['--images', 'photos', '--engine', 'onnxruntime-cpu:fp32'];
  const measure = (...args: string[]) =>
    main(['agreement', model, ...fp32.map((arg) => (arg === 'photos' ? photos : arg)), ...args]);

  test('prints a table; without --record nothing is written', async () => {
    expect(await measure()).toBe(0);
    expect(printed.join('\n')).toMatch(
      /^tiny@[0-9a-f]{12}\n\nedge against onnxruntime-cpu:fp32 .*overlap@10 +recall@10\n─+\nfeatures gem +0\.99.*\nfeatures +0\.9.*\non 4 photographs; top-1 agreement \d+\.\d %$/,
    );
    await expect(readFile(join(model, 'agreement.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('--record writes it beside the manifest, whose id stays; inspect shows it', async () => {
    const manifest = await readFile(join(model, 'model.json'));
    expect(await measure('--record', '--limit', '3')).toBe(0);
    const record = parseAgreement(await readFile(join(model, 'agreement.json'), 'utf8'));
    expect(record.measurements).toMatchObject([{ runner: 'onnxruntime-cpu:fp32', photographs: 3 }]);
    expect(await readFile(join(model, 'model.json'))).toEqual(manifest);
    clear();
    expect(await main(['inspect', model])).toBe(0);
    expect(printed.at(-1)).toMatch(/edge against onnxruntime-cpu:fp32/);
  });

  test('inspect says when it is of another model', async () => {
    const path = join(model, 'agreement.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace(/tiny@[0-9a-f]+/, 'tiny@000000000000'));
    expect(await main(['inspect', model])).toBe(0);
    expect(printed.at(-1)).toMatch(/tiny@000000000000, another model: measure again/);
  });

  test.each([
    [['agreement'], 2, /--images/],
    [['agreement', 'a', 'b', '--images', 'x'], 2, /one model directory/],
    [['agreement', '--images', '/nowhere'], 1, /Expected a folder of photographs at \/nowhere/],
  ])('%j: exit code %i', async (args, code, message) => {
    expect(await main(args)).toBe(code);
    expect(complained.join('\n')).toMatch(message);
  });
});
