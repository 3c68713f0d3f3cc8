// `npm start` as whoever starts it in the background sees it: it serves, and it ends with the npm that began it.

import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
let shell: ChildProcess | undefined;
afterEach(() => shell?.kill('SIGKILL'));

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const found = probe.address();
      probe.close(() => resolve(typeof found === 'object' && found !== null ? found.port : 0));
    });
  });
}

test.skipIf(process.platform === 'win32')(
  'the server ends when the shell between npm and it is ended',
  async () => {
    const port = await freePort();
    // npm runs a script by such a shell, and passes signals on to that alone.
    shell = spawn('sh', ['-c', 'node scripts/start.ts; true'], {
      cwd: ROOT,
      env: { ...process.env, PORT: String(port), npm_lifecycle_event: 'start' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    shell.stdout?.on('data', (text) => {
      said += text;
    });
    await expect.poll(() => said, { timeout: 120_000 }).toContain('vgg-edge serves');
    const livez = () =>
      fetch(`http://127.0.0.1:${port}/livez`).then(
        ({ status }) => status,
        () => 'ended',
      );
    expect(await livez()).toBe(200);
    shell.kill('SIGTERM');
    await expect.poll(livez, { timeout: 60_000 }).toBe('ended');
  },
);
