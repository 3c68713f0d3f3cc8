// Stored answers: one contract for every cache, and what an answer's key depends on.

import { describe, expect, test } from 'vitest';
import {
  ANSWER_KEY,
  type AnswerIdentity,
  answerKey,
  matchesETag,
  memoryAnswerCache,
  type PlatformCache,
  platformAnswerCache,
} from '../../worker/answer-cache.ts';

const answer = (text: string) => ({
  headers: { 'content-type': 'application/json' },
  body: new TextEncoder().encode(text),
});

/** What workerd's `caches.default` does with what we give it. */
function fakePlatform(): PlatformCache {
  const stored = new Map<string, Response>();
  return {
    match: async (url) => stored.get(url)?.clone(),
    put: async (url, response) => void stored.set(url, response),
  };
}

describe.each([
  ['in memory', () => memoryAnswerCache(10_000)],
  ['of the platform', () => platformAnswerCache(fakePlatform(), 60)],
])('a cache %s', (_, create) => {
  test('gives back what was put in', async () => {
    const cache = create();
    expect(await cache.get('a')).toBeUndefined();
    await cache.put('a', answer('one'));
    await cache.put('b', answer('two'));
    await cache.put('a', answer('three'));
    expect(await cache.get('a')).toEqual(answer('three'));
    expect(await cache.get('b')).toEqual(answer('two'));
  });
});

test('in memory, the answer used longest ago goes first, and none larger than all is kept', async () => {
  const cache = memoryAnswerCache(20_000);
  await cache.put('a', answer('1'.repeat(9000)));
  await cache.put('b', answer('1'.repeat(9000)));
  await cache.get('a');
  await cache.put('c', answer('1'.repeat(9000)));
  await cache.put('huge', answer('1'.repeat(20_000)));
  const kept = await Promise.all(
    ['a', 'b', 'c', 'huge'].map(async (key) => (await cache.get(key)) !== undefined),
  );
  expect(kept).toEqual([true, false, true, false]);
});

test('in memory, an answer takes more than its body', async () => {
  const cache = memoryAnswerCache(1_000_000);
  const keys = Array.from({ length: 5000 }, (_, place) => String(place));
  for (const key of keys) await cache.put(key, answer(''));
  const kept = await Promise.all(keys.map((key) => cache.get(key)));
  const count = kept.filter((found) => found !== undefined).length;
  expect(count).toBeGreaterThan(1000);
  expect(count).toBeLessThan(2000);
});

test('a platform that fails costs the answer nothing', async () => {
  const broken: PlatformCache = {
    match: () => Promise.reject(new Error('down')),
    put: () => Promise.reject(new Error('down')),
  };
  const cache = platformAnswerCache(broken, 60);
  await cache.put('a', answer('one'));
  expect(await cache.get('a')).toBeUndefined();
});

describe('the key', () => {
  const identity: AnswerIdentity = {
    route: 'embeddings',
    model: 'default@0123456789ab',
    options: { layer: 'features', pool: 'none' },
    images: ['aa', 'bb'],
  };

  test('does not depend on the order of options or on those left out', async () => {
    const key = await answerKey(identity);
    expect(key).toMatch(ANSWER_KEY);
    const reordered = { pool: 'none', dimensions: undefined, layer: 'features' };
    expect(await answerKey({ ...identity, options: reordered })).toBe(key);
  });

  test.each<[string, Partial<AnswerIdentity>]>([
    ['the route', { route: 'classify' }],
    ['the model', { model: 'default@ba9876543210' }],
    ['an option', { options: { layer: 'features', pool: 'max' } }],
    ['an image', { images: ['aa', 'bc'] }],
    ['the order of images', { images: ['bb', 'aa'] }],
    ['where one image ends', { images: ['aab', 'b'] }],
  ])('depends on %s', async (_, change) => {
    expect(await answerKey({ ...identity, ...change })).not.toBe(await answerKey(identity));
  });
});

test.each([
  [undefined, false],
  ['"k"', true],
  ['W/"k"', true],
  ['"x", "k"', true],
  ['*', false],
  ['k', false],
  ['"kk"', false],
  ['', false],
])('If-None-Match: %s matches: %s', (header, expected) => {
  expect(matchesETag(header, 'k')).toBe(expected);
});
