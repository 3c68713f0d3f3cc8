import { expect, test } from 'vitest';
import { counted, duration, rateText } from '../../runner/quantity.ts';

test.each([
  [0, '0 vectors'],
  [1, '1 vector'],
  [1_234_567, '1,234,567 vectors'],
])('%i: %s', (number, text) => {
  expect(counted(number, 'vector')).toBe(text);
});

test('2 queries', () => {
  expect([1, 2].map((number) => counted(number, 'query'))).toEqual(['1 query', '2 queries']);
});

test.each([
  [0, '0.0'],
  [0.514, '0.51'],
  [9.72, '9.7'],
  [97.16, '97.2'],
  [3120.4, '3,120'],
])('%f images/s: %s', (rate, text) => {
  expect(rateText(rate)).toBe(text);
});

test.each([
  [0.04, '0.0 s'],
  [9.94, '9.9 s'],
  [9.96, '10 s'],
  [59.6, '1 min 00 s'],
  [185, '3 min 05 s'],
  [7800, '2 h 10 min'],
  [4_000_000, '1,111 h 06 min'],
])('%f s: %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
