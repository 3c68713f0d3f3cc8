// Ctrl-C during a long command: it ends with the signal's code and leaves nothing behind.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const MAIN = join(import.meta.dirname, '../../cli/vgg-edge.mjs');
/** Wide enough that a build takes many seconds. */
const WEIGHTS = ['--init', 'kaiming', '--items', '64,64,M,64,M,64,M', '--hidden', '256', '--classes', '3'];

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s: exit code %i, no temporary folder, no half-built model', async (signal, code) => {
  const temporary = join(folder, 'temporary');
  await mkdir(temporary);
  const out = join(folder, 'model');
  const build = spawn(process.execPath, [MAIN, 'build', ...WEIGHTS, '--out', out], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: 'ignore',
  });
  const ended = once(build, 'exit');
  // onnxruntime leaves files of its own there.
  const ours = async () => (await readdir(temporary)).filter((name) => name.startsWith('vgg-edge-'));
  await vi.waitUntil(async () => (await ours()).length > 0, { timeout: 120_000 });
  build.kill(signal);
  expect(await ended).toEqual([code, null]);
  expect(await ours()).toEqual([]);
  expect(await readdir(folder)).toEqual(['temporary']);
});
