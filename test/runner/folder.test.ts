import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSource } from '../../runner/sources/open-source.ts';
import { sortedWalk } from '../../runner/sources/sorted-walk.ts';
import { collect, describeSource, listAll } from './source-contract.ts';

let root = '';

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function write(path: string, text = path): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vgg-edge-folder-'));
  const images = [
    'b.png',
    'a/2.jpg',
    'a/10.jpeg',
    'a.jpg',
    'a-z/x.webp',
    'a/deep/er/y.JPG',
    'ü.jpg',
    'z z.jpg',
  ];
  for (const path of images) await write(path);
  for (const path of ['notes.txt', 'a/.hidden.jpg', '.git/x.jpg']) await write(path);
  await symlink(join(root, 'a'), join(root, 'linked'));
  await symlink(root, join(root, 'a/deep/loop'));
  await symlink(join(root, 'nowhere.jpg'), join(root, 'gone.jpg'));
  // In Latin-1: no UTF-8.
  for (const name of ['\xe9.jpg', 'not\xe9.txt'])
    await writeFile(Buffer.from(join(root, name), 'latin1'), 'x');
});

afterAll(() => rm(root, { recursive: true, force: true }));

const IN_A = ['10.jpeg', '2.jpg', 'deep/er/y.JPG'];

describe('a folder', () => {
  const paths = ['a-z/x.webp', 'a.jpg', ...IN_A.map((name) => `a/${name}`), 'b.png'];
  describeSource(async () => ({
    open: () => openSource(root),
    items: [
      ...paths.map((path) => [path, bytesOf(path)] as const),
      ['gone.jpg', 'invalid_file'],
      ...IN_A.map((name) => [`linked/${name}`, bytesOf(`a/${name}`)] as const),
      ['z z.jpg', bytesOf('z z.jpg')],
      ['ü.jpg', bytesOf('ü.jpg')],
      ['%E9.jpg', 'invalid_file'],
    ],
  }));
});

describe('a glob', () => {
  describeSource(async () => ({
    open: () => openSource(`${root}/a/*.{jpg,jpeg}`),
    items: ['10.jpeg', '2.jpg'].map((name) => [name, bytesOf(`a/${name}`)]),
  }));

  test.each<[pattern: string, ids: string[]]>([
    ['*', ['a.jpg', 'b.png', 'gone.jpg', 'z z.jpg', 'ü.jpg', '%E9.jpg']],
    ['*.txt', ['notes.txt', 'not%E9.txt']],
    ['a*/*', ['a-z/x.webp', 'a/10.jpeg', 'a/2.jpg']],
    ['{a,a-z}/[0-9x]*', ['a-z/x.webp', 'a/10.jpeg', 'a/2.jpg']],
    ['{a-z,a/deep/er}/*', ['a-z/x.webp', 'a/deep/er/y.JPG']],
    ['?.png', ['b.png']],
    ['none*.jpg', []],
  ])('%s', async (pattern, ids) => {
    const source = await openSource(`${root}/${pattern}`);
    expect((await listAll(source)).map(({ id }) => id)).toEqual(ids);
  });
});

test('ids of long paths are cut and stay unique', async () => {
  const deep = Array.from({ length: 5 }, (_, level) => `${level}`.repeat(120)).join('/');
  const long = await mkdtemp(join(tmpdir(), 'vgg-edge-folder-'));
  await mkdir(join(long, deep), { recursive: true });
  await writeFile(join(long, deep, '1.jpg'), 'x');
  await writeFile(join(long, deep, '2.jpg'), 'y');
  const source = await openSource(long);
  const ids = (await listAll(source)).map(({ id }) => id);
  await rm(long, { recursive: true });
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(2);
  for (const id of ids) expect(id).toMatch(/^0{120}\/1{120}\/.*~[0-9a-f]{16}$/);
});

test('a walk that may hold two names at a time finds the same as one that holds all', async () => {
  const all = await collect(sortedWalk(root));
  expect(await collect(sortedWalk(root, { maxNames: 2 }))).toEqual(all);
  expect(await collect(sortedWalk(root, { maxNames: 1 }))).toEqual(all);
});

test.each([
  ['a folder that is not there', 'nowhere', 'invalid_argument'],
  ['a glob below a folder that is not there', 'nowhere/*.jpg', 'invalid_file'],
  ['a compressed archive', 'shards.tar.gz', 'invalid_argument'],
])('%s is refused', async (_, spec, code) => {
  await expect(openSource(join(root, spec))).rejects.toMatchObject({ name: 'InputError', code });
});
