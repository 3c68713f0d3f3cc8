// The fuzzer's command line: what it refuses, and that findings make it fail until they are mended.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { grownMemory, openFindings } from '../../fuzz/findings.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vgg-edge-fuzz-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(...args: string[]): Promise<{ code: number | string; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['fuzz/main.ts', '--folder', folder, ...args], (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}

test.each([
  [['--format', 'gif'], "Expected one of jpeg, png, webp for --format but found 'gif'"],
  [['--count', 'abc'], "--count but found 'abc'"],
  [['--count', '1.5'], "--count but found '1.5'"],
  [['--seed', '1e99'], "--seed but found '1e99'"],
  [['--rounds', '3'], "'--rounds'"],
])('%s is refused', async (args, words) => {
  const { code, output } = await run(...args);
  expect(output).toContain(words);
  expect(code).toBe(2);
});

test('a run goes on where it stopped; another seed begins', async () => {
  expect(await run('--format', 'webp', '--count', '20')).toMatchObject({ code: 0 });
  const state = () => JSON.parse(readFileSync(join(folder, 'webp/1/state.json'), 'utf8'));
  expect(state().done).toBe(20);
  expect(await run('--format', 'webp', '--count', '40')).toMatchObject({ code: 0 });
  expect(state().done).toBe(40);
  const { output } = await run('--format', 'webp', '--count', '10', '--seed', '2');
  expect(output).toContain('webp: 10 images');
  expect(state().done).toBe(40);
});

test('a finding fails every run until it is mended', async () => {
  const findings = openFindings(join(folder, 'png/findings'), () => {});
  findings.keep(Uint8Array.of(1), 'crash: of a decoder that was mended since');
  expect(await run('--format', 'png', '--count', '0')).toMatchObject({ code: 0 });
  findings.keep(Uint8Array.of(2), grownMemory(2e7, 3000, 1e6));
  const { code, output } = await run('--format', 'png', '--count', '0');
  expect(output).toContain('delete it once it is mended');
  expect(output).toContain('1 findings');
  expect(code).toBe(1);
});
