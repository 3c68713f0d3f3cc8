// The Node server on a real socket with a real engine: every client gets the same vector, keys are rotated
// while it runs, and it ends gracefully.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../client/client.ts';
import { startHttpServer } from '../../server/http-server.ts';
import { NODE_ENGINES } from '../../server/node-engines.ts';
import { startNodeServer } from '../../server/node-server.ts';
import { createAdmission } from '../../worker/admission.ts';
import { BLUE, halves, imageOf, RED } from '../api/png.ts';
import { tinyModel } from '../engine/tiny-model.ts';
import { createFixture, knownEngine } from './api-fixture.ts';
import { testClients } from './clients.ts';

const photo = halves(RED, BLUE, 64, 48);
const directory = mkdtempSync(join(tmpdir(), 'vgg-edge-server-'));
const logged: string[] = [];

beforeAll(() => {
  for (const [file, bytes] of tinyModel().content) writeFileSync(join(directory, file), bytes);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function start(options: Partial<Parameters<typeof startNodeServer>[0]> = {}) {
  return startNodeServer({
    model: directory,
    engine: 'winograd',
    host: '127.0.0.1',
    port: 0,
    maxBatch: 8,
    grace: 5000,
    variables: {},
    log: (line) => logged.push(line),
    ...options,
  });
}

describe('one vector', () => {
  let server: Awaited<ReturnType<typeof start>>;
  let expected: readonly number[] = [];
  const vectorOf = (answer: unknown) => (answer as { data: { embedding: number[] }[] }).data[0]?.embedding;

  beforeAll(async () => {
    server = await start();
    const response = await fetch(`${server.url}/v1/embeddings?layer=fc6`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: new Uint8Array(photo),
    });
    expect(response.status).toBe(200);
    expected = vectorOf(await response.json()) ?? [];
    expect(expected.some((value) => value !== 0)).toBe(true);
  });
  afterAll(() => server.stop());

  testClients(() => server.url, photo);

  test.each(NODE_ENGINES)('the engine %s', async (engine) => {
    const other = await start({ engine });
    try {
      const answer = await createClient({ baseUrl: other.url }).embed(photo, { layer: 'fc6' });
      expect(answer.engine).toBe(engine);
      const vector = answer.data[0]?.embedding as number[];
      const cosine = vector.reduce((sum, value, index) => sum + value * (expected[index] ?? 0), 0);
      // Native int8 rounds differently on processors without VNNI.
      expect(cosine).toBeGreaterThan(engine === 'onnxruntime-node' ? 0.98 : 0.999_999);
    } finally {
      await other.stop();
    }
  });

  test('many at once, who share batches', async () => {
    const client = createClient({ baseUrl: server.url });
    const images = await Promise.all(
      Array.from({ length: 12 }, (_, index) => imageOf([index * 20, 0, 255 - index * 20], 30, 30)),
    );
    const apart = await Promise.all(images.map((image) => client.embed(image, { layer: 'fc7' })));
    const together = await client.embed(images, { layer: 'fc7' });
    expect(apart.map(vectorOf)).toEqual(together.data.map(({ embedding }) => embedding));
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/vgg_edge_batch_size_count \d+/);
    expect(metrics).toMatch(/vgg_edge_engine_memory_bytes [1-9]/);
  });
});

test('images of a list run together, eight at a time, and no more than --batch', async () => {
  const images = await Promise.all(
    Array.from({ length: 12 }, (_, index) => imageOf([index * 20, 0, 255 - index * 20], 30, 30)),
  );
  const runs = async (maxBatch: number) => {
    const server = await start({ maxBatch });
    try {
      const { data } = await createClient({ baseUrl: server.url }).embed(images, { layer: 'fc7' });
      const page = await (await fetch(`${server.url}/metrics`)).text();
      expect(page).toContain('\nvgg_edge_batch_size_sum 12\n');
      return { data, runs: Number(/^vgg_edge_batch_size_count (\d+)$/m.exec(page)?.[1]) };
    } finally {
      await server.stop();
    }
  };
  const [together, apart] = [await runs(16), await runs(1)];
  expect([together.runs, apart.runs]).toEqual([2, 12]);
  expect(together.data).toEqual(apart.data);
});

describe('keys', () => {
  const entry = (name: string, key: string) => `${name}:${createHash('sha256').update(key).digest('hex')}\n`;

  test('are required where others can reach the server', async () => {
    await expect(start({ host: '0.0.0.0' })).rejects.toThrow('Expected a file of API keys');
  });

  test('are rotated while it runs', async () => {
    const keys = join(directory, 'keys');
    writeFileSync(keys, entry('phone', 'old'));
    const server = await start({ keys });
    const status = async (key: string) =>
      (await fetch(`${server.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;
    try {
      expect([await status('old'), await status('new')]).toEqual([200, 401]);
      writeFileSync(keys, entry('phone', 'new'));
      utimesSync(keys, new Date(), new Date(Date.now() + 5000));
      await expect.poll(() => status('new'), { timeout: 4000 }).toBe(200);
      expect(await status('old')).toBe(401);
    } finally {
      await server.stop();
    }
  });

  test.each([
    ['that cannot be read', join(directory, 'none')],
    ['that hold a key in plain text', join(directory, 'plain')],
  ])('%s stop the start', async (_, keys) => {
    writeFileSync(join(directory, 'plain'), 'sk-secret');
    await expect(start({ keys })).rejects.toThrow(/Expected/);
  });
});

describe('the end', () => {
  async function slowServer(grace: number) {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let entered = 0;
    const engine = knownEngine(() => {
      entered += 1;
      return gate;
    });
    const admission = createAdmission({ maxRunning: 1, maxWaiting: 4 });
    const { app } = await createFixture({ engine, dependencies: { admission } });
    const server = await startHttpServer({ app, admission, host: '127.0.0.1', port: 0, grace });
    const red = imageOf(RED);
    const ask = () =>
      fetch(`${server.url}/v1/classify`, {
        method: 'POST',
        headers: { 'content-type': 'image/png' },
        body: new Uint8Array(red),
      });
    return { server, ask, release: () => release(), entered: () => entered, admission };
  }

  /** Sends this, and tells what is heard until the server closes the connection. */
  function connection(url: string, text: string) {
    const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
    let heard = '';
    socket.setEncoding('latin1').on('data', (piece: string) => {
      heard += piece;
    });
    socket.on('error', () => undefined).write(text);
    const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(heard)));
    return { socket, closed };
  }

  test('finishes what runs and what waits, and takes nothing new', async () => {
    const { server, ask, release, entered, admission } = await slowServer(5000);
    const asked = [ask(), ask()];
    await expect.poll(() => entered() === 1 && admission.waiting === 1).toBe(true);
    const stopping = server.stop();
    await expect(ask()).rejects.toThrow();
    release();
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200]);
    expect(await stopping).toBe(true);
  });

  test.each([
    ['nothing', ''],
    ['half a request', 'GET /livez HTTP/1.1\r\nhost'],
    ['half a request behind a whole one', 'GET /livez HTTP/1.1\r\nhost: a\r\n\r\nGET /livez'],
  ])('is not held up by a connection that says %s', async (_, text) => {
    const { server } = await slowServer(600_000);
    const { closed } = connection(server.url, text);
    // Behind it in the same queue: what it said has been read.
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    expect(await server.stop()).toBe(true);
    await closed;
  });

  test('tells who is answered that the connection ends, after the last of its answers', async () => {
    const { server, release, entered } = await slowServer(5000);
    const body = Buffer.from(imageOf(RED)).toString('latin1');
    const head = `POST /v1/classify HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: image/png\r\ncontent-length: ${body.length}\r\n\r\n`;
    const { socket, closed } = connection(server.url, '');
    socket.write(`${head}${body}`.repeat(2), 'latin1');
    await expect.poll(entered).toBe(1);
    const stopping = server.stop();
    release();
    const heard = await closed;
    expect([...heard.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '503']);
    expect([...heard.matchAll(/^connection: (\S+)/gim)].map(([, kind]) => kind)).toEqual([
      'keep-alive',
      'close',
    ]);
    expect(await stopping).toBe(true);
  });

  test('does not wait for ever', async () => {
    const { server, ask, entered } = await slowServer(50);
    const asked = ask().catch(() => 'cut off');
    await expect.poll(entered).toBe(1);
    expect(await server.stop()).toBe(false);
    expect(await asked).toBe('cut off');
  });
});
