// vgg-edge index, search and duplicates, end to end with the tiny model: what they print, write and refuse.

import { cp, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../cli/main.ts';
import { photoPage } from '../../cli/photo-page.ts';
import { COPIES } from '../../engine/node/photo-copies.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { startNodeServer } from '../../server/node-server.ts';
import { captureConsole } from './captured-console.ts';

const ROOT = join(import.meta.dirname, '../..');
const MODEL = ['--model', join(ROOT, 'test/golden/models/tiny')];
const sample = (name: string) => join(ROOT, 'samples', name);

let folder: string;
let photos: string;
const { printed, complained, clear } = captureConsole();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-cli-'));
  photos = join(folder, 'My Photos');
  await mkdir(join(photos, 'space'), { recursive: true });
  await cp(sample('cat.jpg'), join(photos, 'cat.jpg'));
  await cp(sample('cat.jpg'), join(photos, 'cat-again.jpg'));
  await cp(sample('rocket.jpg'), join(photos, 'space/rocket.jpg'));
  await cp(sample('galaxies.jpg'), join(photos, 'space/galaxies.jpg'));
  const reencode = COPIES['re-encoded'];
  if (reencode === undefined) throw new Error('Expected a way to re-encode');
  await writeFile(
    join(photos, 'space/rocket <40>.jpg'),
    await reencode(await readFile(sample('rocket.jpg'))),
  );
});
afterAll(() => rm(folder, { recursive: true }));

describe('index and search', () => {
  const place = () => join(folder, 'indexes');
  const search = (...args: string[]) =>
    main(['search', '--in', place(), '--index', 'my-photos', ...MODEL, ...args]);

  test('a folder goes in, and what is in it already is not embedded again', async () => {
    expect(await main(['index', photos, '--to', place(), ...MODEL])).toBe(0);
    expect(printed).toEqual(['5 photographs in my-photos: 5 added, 0 unchanged, 0 failed']);
    clear();
    expect(await main(['index', photos, '--to', place(), ...MODEL])).toBe(0);
    expect(printed).toEqual(['5 photographs in my-photos: 0 added, 5 unchanged, 0 failed']);
  });

  test('a photograph finds itself and its copies first', async () => {
    expect(await search(sample('rocket.jpg'), '--top-k', '2')).toBe(0);
    expect(printed).toEqual([
      expect.stringMatching(/^1\.0000 {2}space\/rocket\.jpg$/),
      expect.stringMatching(/^(1\.0000|0\.9\d+) {2}space\/rocket <40>\.jpg$/),
    ]);
  });

  test('by id, without itself, filtered and folded, as JSON', async () => {
    const filter = ['--filter', '{"folder":"."}'];
    expect(await search('--id', 'cat.jpg', '--exclude-self', '--json', ...filter)).toBe(0);
    const hits: { id: string }[] = JSON.parse(printed.join(''));
    expect(hits.map(({ id }) => id)).toEqual(['cat-again.jpg']);
    clear();
    expect(await search('--id', 'cat.jpg', '--fold', '0.9999', ...filter)).toBe(0);
    expect(printed).toEqual(['1.0000  cat-again.jpg  (+ 1 alike)']);
    // No model is needed for it.
    const ask = ['search', '--in', place(), '--index', 'my-photos', '--id', 'cat.jpg', '--model', 'nowhere'];
    expect(await main(ask)).toBe(0);
  });

  test('a gallery is a page that needs nothing else, and names stay text', async () => {
    const page = join(folder, 'hits.html');
    expect(await search(sample('rocket.jpg'), '--gallery', page, '--photos', photos)).toBe(0);
    const html = await readFile(page, 'utf8');
    expect(html.match(/src="data:image\/jpeg;base64,/g)).toHaveLength(6);
    expect(html).toContain('rocket &lt;40&gt;.jpg');
    expect(html).toContain("default-src 'none'");
  });

  test.each<[string, string[], number, RegExp]>([
    ['no image', [], 2, /one image, or --id/],
    ['no photograph there', ['nowhere.jpg'], 1, /nowhere\.jpg/],
    ['an id that is not in it', ['--id', 'dog.jpg'], 1, /'dog\.jpg'/],
    ['a filter that is no JSON', ['--id', 'cat.jpg', '--filter', '{'], 2, /JSON for --filter/],
    ['a gallery without photographs', ['--id', 'cat.jpg', '--gallery', 'x.html'], 2, /--photos/],
    ['another pooling than the index has', [sample('cat.jpg'), '--pool', 'max'], 1, /pool gem .* pool max/],
  ])('%s is refused', async (_, args, code, message) => {
    expect(await search(...args)).toBe(code);
    expect(complained.join('\n')).toMatch(message);
  });
});

test('a running server embeds, indexes and searches the same', async () => {
  const server = await startNodeServer({
    model: join(ROOT, 'test/golden/models/tiny'),
    engine: 'winograd',
    host: '127.0.0.1',
    port: 0,
    maxBatch: 8,
    grace: 5000,
    variables: {},
    log: () => undefined,
    indexes: createMemoryStore(),
  });
  try {
    const there = ['--index', 'theirs', '--in', server.url];
    await writeFile(join(photos, 'zeros.jpg'), new Uint8Array(100));
    expect(await main(['index', photos, '--index', 'theirs', '--to', server.url])).toBe(1);
    expect(printed).toEqual(['6 photographs in theirs: 5 added, 0 unchanged, 1 failed']);
    expect(complained.join()).toMatch(/zeros\.jpg: /);
    await rm(join(photos, 'zeros.jpg'));
    clear();
    expect(await main(['index', photos, '--index', 'theirs', '--to', server.url])).toBe(0);
    expect(printed).toEqual(['5 photographs in theirs: 0 added, 5 unchanged, 0 failed']);
    clear();
    expect(await main(['search', sample('rocket.jpg'), '--top-k', '1', ...there])).toBe(0);
    expect(await main(['search', '--id', 'cat.jpg', '--exclude-self', '--top-k', '1', ...there])).toBe(0);
    expect(printed).toEqual(['1.0000  space/rocket.jpg', '1.0000  cat-again.jpg']);
    clear();
    expect(await main(['index', photos, '--index', 'few', '--to', server.url, '--dimensions', '2'])).toBe(1);
    expect(complained.join()).toMatch(/no value for dimensions/);
  } finally {
    await server.stop();
  }
});

test('fitted dimensions: an index of fewer values, found again with as many', async () => {
  const model = join(folder, 'fitted');
  await cp(join(ROOT, 'test/golden/models/tiny'), model, { recursive: true });
  const place = ['--index', 'few', '--model', model];
  const indexes = join(folder, 'few');
  const put = (dimensions: string) =>
    main(['index', photos, '--to', indexes, ...place, '--dimensions', dimensions]);
  const find = (...args: string[]) =>
    main(['search', sample('rocket.jpg'), '--in', indexes, '--top-k', '1', ...place, ...args]);

  expect(await put('2')).toBe(1);
  expect(complained.join('\n')).toMatch(/no value for dimensions .* found 2.*vgg-edge fit/);
  expect(await main(['fit', model, '--images', photos, '--dimensions', '2'])).toBe(0);
  clear();
  expect(await put('3')).toBe(1);
  expect(complained.join('\n')).toMatch(/one of 2 for dimensions .* found 3/);
  expect(await put('two')).toBe(2);
  expect(await put('2')).toBe(0);

  clear();
  expect(await find()).toBe(1);
  expect(complained.join('\n')).toMatch(/projection features-gem-2@[0-9a-f]{12}, dimensions 2/);
  clear();
  expect(await find('--dimensions', '2')).toBe(0);
  expect(printed).toEqual([expect.stringMatching(/^1\.0000 {2}space\/rocket/)]);
});

describe('duplicates', () => {
  test('the same files, copies and scenes, as text, JSON and a page', async () => {
    const json = join(folder, 'duplicates.json');
    const html = join(folder, 'duplicates.html');
    const args = ['--near', '0.9995', '--scene', '0.9995', '--json', json, '--html', html];
    expect(await main(['duplicates', photos, ...args, ...MODEL])).toBe(0);
    expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject({
      photos: 5,
      failed: [],
      exact: [['cat-again.jpg', 'cat.jpg']],
      copies: [{ photo: 'space/rocket <40>.jpg', alike: [{ photo: 'space/rocket.jpg' }] }],
      scenes: [],
    });
    expect(printed.join('\n')).toMatch(/The same file: 1 group\n {2}cat-again\.jpg/);
    const page = await readFile(html, 'utf8');
    expect(page.match(/<img /g)).toHaveLength(4);
    expect(page.match(/<h2>[^<]*/g)).toEqual([
      '<h2>The same file: 1 group',
      '<h2>Copies (cosine ≥ 0.9995): 1 group',
    ]);
  });

  test('a photograph that cannot be read is named, and the exit code tells', async () => {
    const broken = join(folder, 'broken');
    await mkdir(broken);
    await writeFile(join(broken, 'zeros.jpg'), new Uint8Array(100));
    await symlink(join(folder, 'nowhere'), join(broken, 'gone.jpg'));
    await writeFile(join(broken, 'large.jpg'), '');
    await truncate(join(broken, 'large.jpg'), 100 * 2 ** 20 + 1);
    await writeFile(join(broken, '._cat.jpg'), 'no photograph');
    await symlink(sample('cat.jpg'), join(broken, 'cat.jpg'));
    const reasons = [/gone\.jpg.*there is none/, /large\.jpg.*at most 104857600 bytes/, /zeros\.jpg/];
    for (const args of [
      ['duplicates'],
      ['index', '--to', join(folder, 'indexes')],
      ['duplicates', '--measure'],
    ]) {
      complained.length = 0;
      const code = await main([...args, broken, ...MODEL]);
      expect(code).toBe(args.includes('--measure') ? 0 : 1);
      for (const reason of reasons) expect(complained.join('\n')).toMatch(reason);
    }
    expect(printed).toContain('4 photographs, 3 not readable');
    expect(printed).toContain('4 photographs in broken: 1 added, 0 unchanged, 3 failed');
    expect(printed).toContainEqual(expect.stringMatching(/^5 copies of 1 photographs/));
  });

  test('of more photographs than a page can show the first are shown, and how many are not', async () => {
    const photo = { read: () => readFile(sample('cat.jpg')), name: 'cat' };
    const sections = ['One', 'Two', 'Three'].map((title) => ({ title, groups: [[photo], [photo]] }));
    let html = '';
    for await (const piece of photoPage('Cats', 'Six', sections, { most: 3 })) html += piece;
    expect(html.match(/<h2>\w+/g)).toEqual(['<h2>One', '<h2>Two']);
    expect(html.match(/<img /g)).toHaveLength(3);
    expect(html).toContain('3 more photographs are not shown.');
  });

  test('the threshold is measured on copies made of the photographs', async () => {
    expect(await main(['duplicates', photos, '--measure', ...MODEL])).toBe(0);
    expect(printed[0]).toMatch(/^25 copies of 5 photographs, tiny@/);
    expect(
      printed.some((line) => /re-encoded \| resized \| cropped \| flipped \| watermarked/.test(line)),
    ).toBe(true);
  });
});
