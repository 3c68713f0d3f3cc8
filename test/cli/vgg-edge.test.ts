// `npx vgg-edge` as a user types it: the launcher finds the command line and hands on its exit code.

import { spawnSync } from 'node:child_process';
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
