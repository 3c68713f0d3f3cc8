import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { choosePhotos } from '../../eval/photos.ts';
import { folderOf } from './folder.ts';

const FLOWERS = { 'rose/1.jpg': '', 'rose/deep/2.PNG': '', 'tulip/3.webp': '', 'tulip/notes.txt': '' };

test('the class is the outermost folder; other files are passed over; the order is that of the names', async () => {
  const folder = await folderOf(FLOWERS);
  expect(await choosePhotos(folder)).toEqual({
    photos: [
      { path: join(folder, 'rose/1.jpg'), name: 'rose/1.jpg', className: 'rose' },
      { path: join(folder, 'rose/deep/2.PNG'), name: 'rose/deep/2.PNG', className: 'rose' },
      { path: join(folder, 'tulip/3.webp'), name: 'tulip/3.webp', className: 'tulip' },
    ],
    found: 3,
  });
});

test('photographs directly in the folder have no class', async () => {
  const { photos } = await choosePhotos(await folderOf({ 'b.jpg': '', 'a.jpg': '' }));
  expect(photos.map(({ name, className }) => [name, className])).toEqual([
    ['a.jpg', null],
    ['b.jpg', null],
  ]);
});

test('links are followed', async () => {
  const folder = await folderOf({ 'a.jpg': '' });
  await symlink(join(folder, 'a.jpg'), join(folder, 'b.jpg'));
  expect((await choosePhotos(folder)).photos.map(({ name }) => name)).toEqual(['a.jpg', 'b.jpg']);
});

test('a table gives the classes, and leaves out what it does not list', async () => {
  const folder = await folderOf({ 'images/a.jpg': '', 'images/b.jpg': '', 'images/c.jpg': '' });
  const tables = await folderOf({ 'classes.txt': 'a.jpg\tn01\t0\t0\nb.jpg\tn02\t0\t0\n' });
  const { photos, found } = await choosePhotos(folder, { table: join(tables, 'classes.txt') });
  expect(photos.map(({ name, className }) => [name, className])).toEqual([
    ['images/a.jpg', 'n01'],
    ['images/b.jpg', 'n02'],
  ]);
  expect(found).toBe(2);
});

test('a limit takes the same photographs every time, from the whole list', async () => {
  const files = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`${index}.jpg`, '']));
  const folder = await folderOf(files);
  const { photos, found } = await choosePhotos(folder, { limit: 4 });
  expect(photos.map(({ name }) => name)).toEqual(['0.jpg', '2.jpg', '5.jpg', '7.jpg']);
  expect(found).toBe(10);
  expect((await choosePhotos(folder, { limit: 99 })).photos).toHaveLength(10);
});

describe('refused', () => {
  const cases: readonly [what: string, files: Readonly<Record<string, string>>, message: RegExp][] = [
    ['an empty folder', {}, /Expected photographs .* but found none/],
    ['a folder without photographs', { 'notes.txt': '' }, /but found none/],
    ['one class folder', { 'cat/1.jpg': '', 'cat/2.jpg': '' }, /at least two class folders .* one, 'cat'/],
    ['photographs beside class folders', { '1.jpg': '', 'cat/2.jpg': '' }, /found 1\.jpg beside folders/],
  ];
  test.each(cases)('%s', async (_what, files, message) => {
    const choosing = choosePhotos(await folderOf(files));
    await expect(choosing).rejects.toThrow(message);
    await expect(choosing).rejects.toThrow(InputError);
  });

  test('a folder that is not there', async () => {
    await expect(choosePhotos('/nowhere/at/all')).rejects.toThrow(/Expected a folder of photographs/);
  });

  test.each([
    ['that is not there', undefined, /Expected a table/],
    ['with a line without a class', 'a.jpg\tcat\nb.jpg\n', /line 2 but found "b\.jpg"/],
    ['that lists other photographs', 'x.jpg\tcat\n', /found none that/],
  ])('a table %s', async (_what, text, message) => {
    const folder = await folderOf({
      'a.jpg': '',
      'b.jpg': '',
      ...(text === undefined ? {} : { 'table.tsv': text }),
    });
    await expect(choosePhotos(folder, { table: join(folder, 'table.tsv') })).rejects.toThrow(message);
  });
});
