// onnxruntime-node as we load it leaves nothing behind in the home directory: its makers' telemetry is off, in
// the program's own thread and in others.

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const RECIPE = JSON.stringify({
  kind: 'onnxruntime',
  directory: join(import.meta.dirname, '../golden/models/tiny'),
  provider: 'cpu',
  precision: 'int8',
});
const BATCH = '{ images: 1, size: 224, data: new Uint8Array(3 * 224 * 224) }';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'vgg-edge-test-'));
});
afterEach(() => rm(home, { recursive: true }));

test.each([
  ['the own thread', `(await import('${ROOT}/runner/engines/recipe.ts')).makeEngine(${RECIPE})`],
  [
    'a thread',
    `(await import('${ROOT}/runner/engines/threaded-engine.ts')).createThreadedEngine(${RECIPE}, 1)`,
  ],
])('in %s', async (_, open) => {
  const { ORT_DISABLE_TELEMETRY: _set, XDG_CACHE_HOME: _cache, ...environment } = process.env;
  const script = `const engine = await ${open}; await engine.run(${BATCH}, ['features']); await engine.dispose();`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...environment, HOME: home },
  });
  expect(await readdir(home)).toEqual([]);
});
