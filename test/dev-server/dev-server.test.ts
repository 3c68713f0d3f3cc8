// The Worker behind a real socket, bundled by wrangler and run by workerd as `npm start` does.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testClients } from '../server/clients.ts';
import { type DevWorker, startDevWorker } from './worker.ts';

const ROOT = join(import.meta.dirname, '../..');
const photo = readFileSync(join(ROOT, 'samples/cat.jpg'));

let server: DevWorker;
let url: string;

beforeAll(async () => {
  server = await startDevWorker();
  url = (await server.url).origin;
});

afterAll(() => server?.dispose());

test('a client that leaves while the model loads keeps nobody from an answer', async () => {
  const classify = (signal: AbortSignal | null) =>
    fetch(`${url}/v1/classify`, {
      method: 'POST',
      body: photo,
      headers: { 'content-type': 'image/jpeg' },
      signal,
    });
  const leaving = [1, 5, 20, 60].map((delay) => classify(AbortSignal.timeout(delay)));
  const staying = [classify(null), classify(null)];
  await Promise.allSettled(leaving);
  for (const response of await Promise.all(staying)) expect(response.status).toBe(200);
});

testClients(() => url, new Uint8Array(photo));

test('the model directory is not served', async () => {
  for (const path of ['/default/model.json', '/default/backbone.onnx']) {
    expect((await fetch(`${url}${path}`)).status).toBe(404);
  }
});
