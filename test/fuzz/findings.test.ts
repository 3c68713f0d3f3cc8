// What the fuzzer found stays found until it is mended.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { grownMemory, isWrong, openFindings } from '../../fuzz/findings.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vgg-edge-fuzz-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each([
  ['ok', false],
  ['invalid_image: Expected crash: in the PNG', false],
  ['crash: Error', true],
  ['hang: no answer within 2000 ms', true],
])('%s is wrong: %s', (outcome, wrong) => expect(isWrong(outcome)).toBe(wrong));

test('a later run tries them again and counts those that are still wrong', async () => {
  const first = openFindings(folder, () => {});
  for (const byte of [1, 1, 2, 3]) first.keep(Uint8Array.of(byte), `crash: ${byte}\n    at somewhere`);
  first.keep(Uint8Array.of(4), grownMemory(2e7, 3000, 1e6));
  expect(first.open.size).toBe(4);

  const lines: string[] = [];
  const second = openFindings(folder, (line) => lines.push(line));
  const outcomes = ['', 'ok', 'crash: again\n    at somewhere', 'hang: no answer'];
  const tried: number[] = [];
  await second.retry(async ([byte = 0]) => {
    tried.push(byte);
    return outcomes[byte] ?? '';
  });
  expect(tried.toSorted()).toEqual([1, 2, 3]);
  expect(second.open.size).toBe(3);
  expect(lines.map((line) => line.replace(/→ .*/, '')).toSorted()).toEqual([
    'delete it once it is mended: memory: 20000000 bytes held after 3000 images, 1000000 after the first ',
    'still crash: again ',
    'still hang: no answer ',
  ]);
  // None was kept anew.
  expect(readdirSync(folder)).toHaveLength(8);
});
