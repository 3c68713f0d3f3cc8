import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { replaceDirectory } from '../../model-build/replace-directory.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (text: string) => async (directory: string) => {
  await writeFile(join(directory, 'file'), text);
  return text;
};

describe('a directory appears whole or not at all', () => {
  test('where there was none, even the folders above it', async () => {
    const target = join(folder, 'a/b/model');
    expect(await replaceDirectory(target, false, write('new'))).toBe('new');
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('new');
    expect(await readdir(join(folder, 'a/b'))).toEqual(['model']);
  });

  test('an existing one only by force, then without a trace of the old', async () => {
    const target = join(folder, 'model');
    await mkdir(target);
    await writeFile(join(target, 'old'), '');
    await expect(replaceDirectory(target, false, write('new'))).rejects.toThrow(/--force/);
    expect(await readdir(target)).toEqual(['old']);
    await replaceDirectory(target, true, write('new'));
    expect(await readdir(target)).toEqual(['file']);
    expect(await readdir(folder)).toEqual(['model']);
  });

  test('a failure leaves what was there, and nothing else', async () => {
    const target = join(folder, 'model');
    await replaceDirectory(target, false, write('old'));
    const fail = async (directory: string) => {
      await write('half')(directory);
      throw new Error('disk full');
    };
    await expect(replaceDirectory(target, true, fail)).rejects.toThrow('disk full');
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['model']);
  });

  test('one that appears while this is written stays, unless by force', async () => {
    const target = join(folder, 'model');
    const overtaken = (force: boolean) =>
      replaceDirectory(target, force, async (directory) => {
        await replaceDirectory(target, force, write('theirs'));
        return await write('ours')(directory);
      });
    await expect(overtaken(false)).rejects.toThrow(InputError);
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('theirs');
    expect(await overtaken(true)).toBe('ours');
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('ours');
    expect(await readdir(folder)).toEqual(['model']);
  });

  test('a file in its place is refused', async () => {
    const target = join(folder, 'model');
    await writeFile(target, '');
    await expect(replaceDirectory(target, true, write('new'))).rejects.toThrow(InputError);
  });
});
