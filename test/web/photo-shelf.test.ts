// The reader's own photographs, kept in the browser's storage under one name each.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Photo } from '../../web/photo.ts';
import { openShelf } from '../../web/photo-shelf.ts';

let stored: Map<string, Response>;

/** The part of a Cache that the shelf uses. */
const cache = {
  keys: async () => [],
  match: async () => undefined,
  async put(path: string, response: Response) {
    stored.set(path, response);
  },
  async delete(path: string, { ignoreSearch = false } = {}) {
    for (const key of [...stored.keys()]) {
      if ((ignoreSearch ? key.split('?')[0] : key) === path) stored.delete(key);
    }
  },
};

beforeEach(() => {
  stored = new Map();
  vi.stubGlobal('caches', { open: async () => cache });
});
afterEach(() => vi.unstubAllGlobals());

const photo: Photo = { id: 'mine:1', name: 'cat.jpg', file: new Blob(['x']), thumbnail: '' };

test('a photograph kept twice, privately and not, is stored once as it is now', async () => {
  const shelf = await openShelf([]);
  await shelf.keep({ ...photo, isPrivate: true });
  await shelf.keep(photo);
  expect([...stored.keys()]).toEqual(['/own/mine%3A1?name=cat.jpg']);
  await shelf.remove('mine:1');
  expect([...stored.keys()]).toEqual([]);
  expect(shelf.photos.size).toBe(0);
});

test('a sample is not stored: it comes with the page', async () => {
  const shelf = await openShelf([]);
  await shelf.keep({ ...photo, id: 'sample:cat.jpg' });
  expect(stored.size).toBe(0);
});
