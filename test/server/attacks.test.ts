// What somebody with bad intentions writes to the Node server's socket: requests that two readers would take
// for different ones, headers without end, bytes that never come. What is sent as whole requests stands in
// test/api/attacks.ts.

import { createConnection } from 'node:net';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startHttpServer } from '../../server/http-server.ts';
import { createAdmission } from '../../worker/admission.ts';
import { apiKeysFrom } from '../../worker/api-keys.ts';
import { memoryRateLimiter } from '../../worker/rate-limit.ts';
import type { ApiEnv } from '../../worker/request-facts.ts';
import { RED_PNG } from '../api/images.ts';
import { createFixture } from './api-fixture.ts';

/** `k`, as API_KEYS keeps it. */
const SECRET = 'phone:8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a';
const KEY = 'authorization: Bearer k';
const HOST = 'host: api.example.org';
const TIMEOUTS = { headers: 200, request: 2000, silence: 1000, check: 50 };

let server: RunningServer;
let reported: readonly unknown[] = [];
beforeAll(async () => {
  const admission = createAdmission({ maxRunning: 2, maxWaiting: 2 });
  const access = {
    keys: apiKeysFrom(() => SECRET),
    rateLimiter: memoryRateLimiter({ limit: 10_000, period: 60 }),
  };
  const fixture = await createFixture({
    dependencies: { admission, access },
    limits: { bodyTimeout: 200, maxBodyBytes: 100_000 },
  });
  ({ reported } = fixture);
  const { app } = fixture;
  server = await startHttpServer({
    app,
    admission,
    host: '127.0.0.1',
    port: 0,
    grace: 1000,
    timeouts: TIMEOUTS,
  });
});
afterAll(() => server.stop());

/** Everything the server says until it closes, or until it has been silent for a while. */
function send(...pieces: readonly (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = createConnection(Number(new URL(server.url).port), '127.0.0.1', () => {
      for (const piece of pieces) socket.write(piece);
    });
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text;
    });
    socket.setTimeout(600, () => socket.destroy());
    // The server may close while we write.
    socket.on('error', () => undefined).on('close', () => resolve(heard));
  });
}

const statuses = (heard: string) =>
  [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const lines = (...parts: string[]) => `${parts.join('\r\n')}\r\n`;
const post = (...headers: string[]) =>
  lines('POST /v1/embeddings HTTP/1.1', HOST, KEY, 'content-type: image/png', ...headers);
const get = (...headers: string[]) => lines('GET /v1/models HTTP/1.1', HOST, ...headers);

async function stillWorks(): Promise<void> {
  const response = await fetch(`${server.url}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', authorization: 'Bearer k' },
    body: RED_PNG,
  });
  expect(response.status).toBe(200);
  expect(reported).toEqual([]);
}

const smuggled = lines('GET /metrics HTTP/1.1', HOST, '');

describe('requests that two readers may take for different ones', () => {
  test.each<[string, string, number[]]>([
    [
      'a length and chunks',
      lines(post('content-length: 4', 'transfer-encoding: chunked'), '0', '', smuggled),
      [400],
    ],
    ['two lengths', lines(post('content-length: 4', 'content-length: 5'), 'abcde'), [400]],
    ['two lengths in one', lines(post('content-length: 4, 5'), 'abcde'), [400]],
    ['a length with a sign', lines(post('content-length: +4'), 'abcd'), [400]],
    ['a length in hexadecimal', lines(post('content-length: 0x4'), 'abcd'), [400]],
    ['a negative length', lines(post('content-length: -1'), ''), [400]],
    ['a length beyond 64 bits', lines(post(`content-length: ${'9'.repeat(30)}`), ''), [400]],
    ['a coding that sounds like chunks', lines(post('transfer-encoding: xchunked'), '0', ''), [400]],
    ['chunks not last', lines(post('transfer-encoding: chunked, identity'), '0', ''), [400]],
    ['chunks behind a tab', lines(post('transfer-encoding:\tchunked', 'content-length: 4'), '0', ''), [400]],
    ['a space before the colon', lines(post('content-length : 4'), 'abcd'), [400]],
    ['a folded header', lines(post('x-a: b', ' content-length: 4'), 'abcd'), [400]],
    ['a header without a name', lines(post(': b'), ''), [400]],
    ['a zero byte in a header', lines(post('x-a: \0'), ''), [400]],
    ['a bare carriage return in a header', lines(post('x-a: b\rcontent-length: 4'), ''), [400]],
    [
      'a chunk of more than 2⁶⁴ bytes',
      lines(post('transfer-encoding: chunked'), '1FFFFFFFFFFFFFFFFF', 'a'),
      [400],
    ],
    ['a chunk whose size is none', lines(post('transfer-encoding: chunked'), '-1', 'a'), [400]],
    ['no host', lines('GET /livez HTTP/1.1', ''), [400]],
    ['a host that is none', lines('GET /livez HTTP/1.1', 'host: a b', ''), [400]],
    ['another protocol', lines('PRI * HTTP/2.0', '', 'SM', ''), [400]],
    ['a version that is none', lines('GET /livez HTTP/9.9', HOST, ''), [400]],
    ['no version', lines('GET /livez', ''), [400]],
    ['a method that is none', lines('GE\tT /livez HTTP/1.1', HOST, ''), [400]],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
  ])('%s', async (_, request, expected) => {
    expect(statuses(await send(request))).toEqual(expected);
    await stillWorks();
  });

  test('a second request within one connection is judged by itself', async () => {
    const heard = await send(lines(get(KEY), smuggled, get('authorization: Bearer guess')));
    expect(statuses(heard)).toEqual([200, 401, 401]);
  });

  test('what follows a body of the declared length is another request, without its key', async () => {
    const heard = await send(lines(post('content-length: 4'), `abcd${smuggled}`));
    expect(statuses(heard)).toEqual([415, 401]);
  });

  test.each([
    ['another host by its target', 'GET http://evil.example/v1/models HTTP/1.1'],
    ['a path that looks like a host', 'GET //evil.example/v1/models HTTP/1.1'],
    ['a path above the root', 'GET /../../v1/models HTTP/1.1'],
    ['bytes that are no ASCII', 'GET /v1/mod\xffels HTTP/1.1'],
    ['all there is', 'OPTIONS * HTTP/1.1'],
    ['a tunnel', 'CONNECT evil.example:443 HTTP/1.1'],
  ])('asking for %s gains nothing without a key', async (_, line) => {
    const heard = await send(lines(line, HOST, ''));
    for (const status of statuses(heard)) expect([400, 401, 404]).toContain(status);
    expect(heard).not.toContain('"object":"list"');
    await stillWorks();
  });
});

describe('headers without end', () => {
  test.each([
    ['one of 20 KB', `x-a: ${'a'.repeat(20_000)}`],
    ['5,000 of them', Array.from({ length: 5000 }, (_, index) => `x-${index}: a`).join('\r\n')],
    ['a path of 20 KB', `x-a: b`, `/${'a'.repeat(20_000)}`],
  ])('%s', async (_, header, path = '/livez') => {
    expect(statuses(await send(lines(`GET ${path} HTTP/1.1`, HOST, header, '')))).toEqual([431]);
    await stillWorks();
  });

  test('a chunk with an extension of 20 KB', async () => {
    const heard = await send(
      lines(post('transfer-encoding: chunked'), `4;${'a'.repeat(20_000)}`, 'abcd', '0', ''),
    );
    expect(statuses(heard)).toEqual([413]);
  });
});

describe('bytes that never come', () => {
  test('headers, one by one', async () => {
    const [first = ''] = await Promise.all([send('GET /livez HTTP/1.1\r\nx-a: '), stillWorks()]);
    expect(statuses(first)).toEqual([408]);
  });

  test.each([
    ['the rest of a body', lines(post('content-length: 100'), 'abcd')],
    ['the rest of a chunk', lines(post('transfer-encoding: chunked'), '64', 'abcd')],
    ['the body after Expect: 100-continue', lines(post('content-length: 100', 'expect: 100-continue'), '')],
  ])('%s: 408, and its place is free again', async (_, request) => {
    const heard = await Promise.all(Array.from({ length: 4 }, () => send(request)));
    expect(heard.flatMap(statuses).filter((status) => status !== 100)).toEqual([408, 408, 408, 408]);
    await stillWorks();
  });

  test('a hundred connections that say nothing keep nobody waiting', async () => {
    const silent = Array.from({ length: 100 }, () => send());
    await stillWorks();
    expect((await Promise.all(silent)).join('')).not.toContain('200');
  });

  test('who does not read its answers is left: they do not pile up', async () => {
    const silence = 200;
    const large = 'a'.repeat(100_000);
    const app = new Hono<ApiEnv>().get('/', (context) => context.text(large));
    const admission = createAdmission({ maxRunning: 1, maxWaiting: 1 });
    const other = await startHttpServer({
      app,
      admission,
      host: '127.0.0.1',
      port: 0,
      grace: 100,
      timeouts: { silence },
    });
    // More than the two kernels hold for a connection.
    const asked = 2000;
    const socket = createConnection(Number(new URL(other.url).port), '127.0.0.1').pause();
    socket.on('error', () => undefined).write(lines('GET / HTTP/1.1', HOST, '').repeat(asked));
    await new Promise((resolve) => setTimeout(resolve, silence * 20));
    let heard = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text;
    });
    await new Promise((resolve) => socket.on('close', resolve).resume());
    expect(statuses(heard).length).toBeLessThan(asked);
    await other.stop();
  });

  test('a body without end ends the connection soon after the answer', async () => {
    const chunk = `1000\r\n${'a'.repeat(4096)}\r\n`;
    const heard = await send(
      post('transfer-encoding: chunked'),
      '\r\n',
      ...Array.from({ length: 100 }, () => chunk),
    );
    expect(statuses(heard)).toEqual([413]);
    await stillWorks();
  });
});
