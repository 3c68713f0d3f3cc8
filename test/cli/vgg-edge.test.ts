// `npx vgg-edge` as a user types it: the launcher finds the command line and hands on its exit code.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

function run(...args: string[]) {
  return spawnSync(process.execPath, [join(ROOT, 'cli/vgg-edge.mjs'), ...args], { encoding: 'utf8' });
}

test('a command runs', () => {
  const { status, stdout } = run('inspect', 'vgg11_bn', '--classes', '2');
  expect(stdout).toContain('Total params: 128,780,034');
  expect(status).toBe(0);
});

test.each([
  [['inspect', 'vgg12'], 1, /but found 'vgg12'/],
  [['nonsense'], 2, /nonsense/],
  [['toString'], 2, /Expected one of .* but found 'toString'/],
] as const)('%j fails with code %i', (args, code, message) => {
  const { status, stderr } = run(...args);
  expect(stderr).toMatch(message);
  expect(status).toBe(code);
});

test('the model that comes along is found from any folder', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'cli/vgg-edge.mjs'), 'embed', 'nowhere', '--out', 'nowhere'],
    { encoding: 'utf8', cwd: tmpdir() },
  );
  expect(stderr).toMatch(/as the source but found nothing at '.*nowhere'/);
  expect(status).toBe(1);
});

test('a reader that has seen enough ends it without a word', async () => {
  const child = spawn(process.execPath, [join(ROOT, 'cli/vgg-edge.mjs'), 'inspect', 'vgg11_bn'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint += text;
  });
  child.stdout.destroy();
  expect(await once(child, 'close')).toEqual([141, null]);
  expect(complaint).toBe('');
});
