// When a busy server is asked again, and after how long.

import { expect, test } from 'vitest';
import { askPatiently } from '../../core/ask-patiently.ts';

type Headers = Record<string, string>;
const answer = (status: number, headers: Headers = {}) => new Response(`${status}`, { status, headers });
const later = (seconds: string): Headers => ({ 'retry-after': seconds });

test.each<[name: string, answers: Response[], status: number, waits: number[]]>([
  ['one that is not busy', [answer(200)], 200, []],
  ['an error that is not of haste', [answer(500, later('1'))], 500, []],
  ['too many requests', [answer(429, later('7')), answer(200)], 200, [7000]],
  ['busy, in turn', [answer(503, later('1')), answer(429, later('0')), answer(404)], 404, [1000, 0]],
  ['one that asks for an hour', [answer(503, later('3600')), answer(200)], 200, [60_000]],
  ['one that does not say how long', [answer(429), answer(200)], 429, []],
  ['one that names a date', [answer(503, later('Thu, 26 Nov 2026 22:00:00 GMT')), answer(200)], 503, []],
  ['one that stays busy', Array.from({ length: 9 }, () => answer(503, later('1'))), 503, [1000, 1000, 1000]],
])('%s', async (_, answers, status, expected) => {
  const waits: number[] = [];
  let asked = 0;
  const given = await askPatiently(
    async () => {
      const next = answers[asked];
      asked += 1;
      if (next === undefined) throw new Error('asked too often');
      return next;
    },
    { retries: 3, wait: async (milliseconds) => void waits.push(milliseconds) },
  );
  expect({ status: given.status, waits, asked }).toEqual({
    status,
    waits: expected,
    asked: expected.length + 1,
  });
  expect(await given.text()).toBe(String(status));
  // What is passed over frees its connection.
  for (const passed of answers.slice(0, asked - 1)) expect(passed.bodyUsed).toBe(true);
});
