// vgg-edge key, fit and serve, as an operator strings them together.

import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const directory = mkdtempSync(join(tmpdir(), 'vgg-edge-cli-'));
const model = join(directory, 'tiny');

beforeAll(() => cpSync(join(ROOT, 'test/golden/models/tiny'), model, { recursive: true }));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function start(...args: string[]) {
  const child = spawn(process.execPath, ['cli/main.ts', ...args], { cwd: ROOT });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const code = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, output, code };
}

async function run(...args: string[]) {
  const { output, code } = start(...args);
  const exit = await code;
  return { ...output, code: exit };
}

test('a key, a projection and a server make an answer; SIGTERM ends it', async () => {
  const made = await run('key', 'phone');
  expect(made.stdout).toMatch(/^phone:[0-9a-f]{64}\n$/);
  const secret = /vgg_[\w-]{43}/.exec(made.stderr)?.[0];
  const keys = join(directory, 'keys');
  writeFileSync(keys, made.stdout);

  const fitted = await run('fit', model, '--images', join(ROOT, 'samples'), '--dimensions', '4,2');
  expect(fitted.code).toBe(0);
  expect(fitted.stdout).toContain('projection-features-gem-2.bin: 2 dimensions keep');

  const { child, output, code } = start('serve', model, '--port', '0', '--keys', keys);
  await expect.poll(() => output.stderr, { timeout: 20_000 }).toContain('vgg-edge serves');
  const url = /http:\/\/\S+/.exec(output.stderr)?.[0];
  const answer = await fetch(`${url}/v1/embeddings?pool=gem&dimensions=2`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg', authorization: `Bearer ${secret}` },
    body: new Uint8Array(readFileSync(join(ROOT, 'samples/cat.jpg'))),
  });
  expect(await answer.json()).toMatchObject({
    dimensions: 2,
    projection: expect.stringMatching(/^features-gem-2@/),
  });
  expect((await fetch(`${url}/v1/models`)).status).toBe(401);
  child.kill('SIGTERM');
  expect(await code).toBe(0);
  expect(output.stdout).not.toContain(secret);
});

test('work that was cut off is told, and is no success', async () => {
  const { child, output, code } = start('serve', model, '--port', '0', '--grace', '0');
  await expect.poll(() => output.stderr, { timeout: 20_000 }).toContain('vgg-edge serves');
  const url = new URL(/http:\/\/\S+/.exec(output.stderr)?.[0] ?? '');
  const upload = createConnection(Number(url.port), url.hostname);
  upload.on('error', () => undefined);
  upload.write(
    'POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: image/jpeg\r\ncontent-length: 9\r\n\r\n',
  );
  const running = async () => (await fetch(new URL('/metrics', url))).text();
  await expect.poll(running).toContain('\nvgg_edge_requests_running 1\n');
  child.kill('SIGTERM');
  expect(await code).toBe(3);
  expect(output.stderr).toContain('Expected all work to be finished 0 s after the stop');
});

describe('refusals', () => {
  test.each([
    ['a key without a name', ['key'], 2, 'Expected one name'],
    [
      'a server open to others without keys',
      ['serve', model, '--host', '0.0.0.0'],
      1,
      'Expected a file of API keys',
    ],
    [
      'more dimensions than images',
      ['fit', model, '--images', join(ROOT, 'samples'), '--dimensions', '50'],
      1,
      'Expected more than 50 images',
    ],
    [
      'dimensions that are no numbers',
      ['fit', model, '--images', 'x', '--dimensions', 'many'],
      2,
      'Expected whole numbers',
    ],
    [
      'a folder that is none',
      ['fit', model, '--images', join(directory, 'none'), '--dimensions', '2'],
      1,
      'Expected a folder',
    ],
  ])('%s', async (_, args, code, message) => {
    const result = await run(...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
    expect(readdirSync(model).filter((file) => file.endsWith('.part'))).toEqual([]);
  });
});
