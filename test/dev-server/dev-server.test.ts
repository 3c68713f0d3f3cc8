// The Worker behind a real socket, bundled by wrangler and run by workerd as `npm start` does.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unstable_startWorker } from 'wrangler';
import { testClients } from '../server/clients.ts';

type Server = Awaited<ReturnType<typeof unstable_startWorker>>;

const ROOT = join(import.meta.dirname, '../..');
const photo = readFileSync(join(ROOT, 'samples/cat.jpg'));

let server: Server;
let url: string;

beforeAll(async () => {
  server = await unstable_startWorker({
    config: join(ROOT, 'wrangler.toml'),
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      inspector: false,
      watch: false,
      persist: false,
      logLevel: 'none',
    },
  });
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
