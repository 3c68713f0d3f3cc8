// The API in Deno, as docs/deploy.md starts it: it serves the default model, and gives the same bytes as Node
// and Workers. Without float graphs it takes our kernel; WebGPU is held to its numbers by
// `npm run check:webgpu`.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import golden from '../golden/default-features.json' with { type: 'json' };
import { type DenoProcess, startDeno } from './deno-process.ts';

const ROOT = join(import.meta.dirname, '../..');

describe('a Deno process with permission to read and to listen on loopback', () => {
  let deno: DenoProcess;
  beforeAll(async () => {
    deno = await startDeno(['models/default']);
  });
  afterAll(() => deno.stop());

  test('lives', async () => {
    const answer = await fetch(`${deno.url}/livez`);
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'alive' }]);
  });

  test('says which engine it chose, and why', async () => {
    const { data } = (await (await fetch(`${deno.url}/v1/models`)).json()) as { data: object[] };
    expect(data).toMatchObject([{ id: golden.model, engine: 'winograd', precision: 'int8' }]);
    expect(deno.output()).toContain('winograd: the model has no float graphs.');
  });

  test('gives the golden features, bit for bit', async () => {
    const answer = await fetch(`${deno.url}/v1/embeddings?layer=features&pool=none&normalize=false`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg', accept: 'application/octet-stream' },
      body: new Uint8Array(readFileSync(join(ROOT, golden.photo))),
    });
    expect(answer.status).toBe(200);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(golden.sha256);
  });

  test('answers bad input with an error, and goes on', async () => {
    const answer = await fetch(`${deno.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: 'no image',
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect((await fetch(`${deno.url}/livez`)).status).toBe(200);
  });

  test('ends on SIGTERM', async () => {
    expect(await deno.stop()).toBe(0);
  });
});

test.each([
  ['an open address without keys', ['--host=0.0.0.0'], 'Expected a file of API keys'],
  ['URL inputs', ['--set=ALLOWED_IMAGE_HOSTS=images.example.org'], 'Expected no ALLOWED_IMAGE_HOSTS in Deno'],
  ['a variable without a value', ['--set=MAX_IMAGES'], 'Expected NAME=VALUE for --set'],
  ['a port beyond the last', ['--port=65536'], 'Expected 0 to 65535 for --port'],
])('%s is refused at the start', async (_, args, message) => {
  await expect(startDeno(args)).rejects.toThrow(message);
});
