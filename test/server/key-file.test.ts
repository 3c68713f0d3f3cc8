// The file of API keys while the server runs: rotation takes effect, slips neither open nor close the API.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { InputError, SourceError } from '../../core/errors.ts';
import { keyFile } from '../../server/key-file.ts';

const line = (key: string) => `phone:${createHash('sha256').update(key).digest('hex')}\n`;

let folder = '';
let path = '';
let time = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vgg-edge-keys-'));
  path = join(folder, 'keys');
  time = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes the file with a date of its own, as a later edit has. */
function write(content: string): void {
  writeFileSync(path, content);
  time += 10;
  utimesSync(path, time, time);
}

function open() {
  const warnings: string[] = [];
  const read = keyFile(
    path,
    (warning) => warnings.push(warning),
    () => time * 1000,
  );
  return { read, warnings };
}

test('a new key holds without a restart', () => {
  write(line('old'));
  const { read } = open();
  write(line('new'));
  expect(read()).toBe(line('new'));
});

test.each([
  ['emptied', ''],
  ['blank', ' \n\n'],
  ['malformed', 'not a key'],
])('a file that is %s leaves the keys before in force', (_, content) => {
  write(line('old'));
  const { read, warnings } = open();
  write(content);
  expect(read()).toBe(line('old'));
  expect(warnings).toHaveLength(1);
});

test('is told once, until it is something else', () => {
  write(line('old'));
  const { read, warnings } = open();
  for (const content of ['', '', 'not a key', line('new'), '']) {
    write(content);
    for (let look = 0; look < 3; look += 1) {
      time += 10;
      read();
    }
  }
  expect(warnings).toHaveLength(3);
});

test('a file that could not be read is read again, though its date is the same', () => {
  write(line('old'));
  const { read, warnings } = open();
  rmSync(path);
  mkdirSync(path);
  time += 10;
  utimesSync(path, time, time);
  expect(read()).toBe(line('old'));
  expect(warnings).toHaveLength(1);
  rmSync(path, { recursive: true });
  writeFileSync(path, line('new'));
  utimesSync(path, time, time);
  time += 10;
  expect(read()).toBe(line('new'));
});

test.each([
  ['', /at least one key/],
  ['\n', /at least one key/],
  ['plain-text', /entry 1 of API_KEYS/],
])('%j is no file to start with', (content, message) => {
  write(content);
  expect(open).toThrow(message);
  expect(open).toThrow(InputError);
});

test('no file is none to start with', () => {
  expect(open).toThrow(SourceError);
});
