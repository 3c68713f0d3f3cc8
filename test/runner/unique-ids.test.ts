import { expect, test } from 'vitest';
import { createUniqueIds } from '../../runner/sources/unique-ids.ts';

test.each([
  ['a name once', ['a', 'b'], ['a', 'b']],
  ['a name again and again', ['a', 'a', 'a'], ['a', 'a#2', 'a#3']],
  ['a name that looks like what a repeated one was given', ['a', 'a', 'a#2'], ['a', 'a#2', 'a#2#3']],
  [
    'a name that looks like what a repeated one would be given',
    ['a#2', 'a', 'a#3', 'a'],
    ['a#2', 'a', 'a#3', 'a#4'],
  ],
  ['the same, where it is in the way', ['a', 'a#3', 'a'], ['a', 'a#3', 'a#3#3']],
])('%s', (_, names, ids) => {
  const unique = createUniqueIds();
  expect(names.map((name, index) => unique.take(name, index + 1))).toEqual(ids);
});

test.each([
  ['with room', 2 ** 20],
  ['with far too little room', 2 ** 8],
])('no id comes twice %s, and the same list gives the same ids', (_, bits) => {
  const names = Array.from({ length: 5000 }, (_, index) => `photos/${index % 4000}.jpg`);
  const list = () => {
    const unique = createUniqueIds(bits);
    return names.map((name, index) => unique.take(name, index + 1));
  };
  const ids = list();
  expect(new Set(ids).size).toBe(names.length);
  expect(list()).toEqual(ids);
});

test('names are taken for repeated as seldom as the arithmetic of Bloom filters says', () => {
  // 16 bits a name and eight probes: at the end (1 − e^(−8/16))^8 = 0.00057 of them.
  const unique = createUniqueIds(2 ** 16);
  const names = Array.from({ length: 2 ** 12 }, (_, index) => `photos/${index}.jpg`);
  const wrong = names.filter((name, index) => unique.take(name, index + 1) !== name);
  expect(wrong.length).toBeLessThanOrEqual(4);
});
