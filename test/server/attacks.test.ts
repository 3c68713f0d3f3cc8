// What somebody with bad intentions writes to the Node server's socket: requests that two readers would take
// for different ones, headers without end, bytes that never come. What is sent as whole requests stands in
// test/api/attacks.ts.

import { createConnection } from 'node:net';
import type { HttpBindings } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startHttpServer } from '../../server/http-server.ts';
import { MAX_AHEAD } from '../../server/one-at-a-time.ts';
import { createAdmission } from '../../worker/admission.ts';
import { apiKeysFrom } from '../../worker/api-keys.ts';
import { memoryRateLimiter } from '../../worker/rate-limit.ts';
import { RED_PNG } from '../api/images.ts';
import { createFixture } from './api-fixture.ts';

/** `k`, as API_KEYS keeps it. */
const SECRET = 'phone:8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a';
const KEY = 'authorization: Bearer k';
const HOST = 'host: api.example.org';
/** Otherwise the server would keep the connection for another request. */
const LAST = 'connection: close';
/** Milliseconds: so long that a busy machine is not taken for a slow client, and so short that tests wait for it. */
const PATIENT = { bodyTimeout: 100_000, sockets: {} };
const HASTY = { bodyTimeout: 200, sockets: { headers: 200, request: 2000, silence: 1000, check: 50 } };

/** What is answered as soon as it has arrived is sent to this one. */
let server: RunningServer;
/** And here is sent what never arrives. */
let hasty: RunningServer;
const reported: (readonly unknown[])[] = [];
beforeAll(async () => {
  [server, hasty] = await Promise.all([start(PATIENT), start(HASTY)]);
});
afterAll(() => Promise.all([server, hasty].map((each) => each.stop())));

async function start({ bodyTimeout, sockets }: typeof PATIENT): Promise<RunningServer> {
  const admission = createAdmission({ maxRunning: 2, maxWaiting: 2 });
  const access = {
    keys: apiKeysFrom(() => SECRET),
    rateLimiter: memoryRateLimiter({ limit: 10_000, period: 60 }),
  };
  const fixture = await createFixture({
    dependencies: { admission, access },
    limits: { bodyTimeout, maxBodyBytes: 100_000 },
  });
  reported.push(fixture.reported);
  const listening = { host: '127.0.0.1', port: 0, grace: 1000, timeouts: sockets };
  return startHttpServer({ app: fixture.app, admission, ...listening });
}

/** Everything the server says until it closes the connection. */
function sendTo({ url }: RunningServer, pieces: readonly (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = createConnection(Number(new URL(url).port), '127.0.0.1', () => {
      for (const piece of pieces) socket.write(piece);
    });
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text;
    });
    // The server may close while we write.
    socket.on('error', () => undefined).on('close', () => resolve(heard));
  });
}
const send = (...pieces: readonly (string | Uint8Array)[]) => sendTo(server, pieces);
const stall = (...pieces: readonly (string | Uint8Array)[]) => sendTo(hasty, pieces);

const statuses = (heard: string) =>
  [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const lines = (...parts: string[]) => `${parts.join('\r\n')}\r\n`;
const post = (...headers: string[]) =>
  lines('POST /v1/embeddings HTTP/1.1', HOST, KEY, 'content-type: image/png', ...headers);
const get = (...headers: string[]) => lines('GET /v1/models HTTP/1.1', HOST, ...headers);

async function embed({ url }: RunningServer): Promise<number> {
  const response = await fetch(`${url}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', authorization: 'Bearer k' },
    body: RED_PNG,
  });
  await response.body?.cancel();
  return response.status;
}

async function stillWorks(): Promise<void> {
  expect(await embed(server)).toBe(200);
  expect(reported.flat()).toEqual([]);
}

/** The same of the hasty one, to which a busy machine may be too slow a client at first. */
async function worksAgain(): Promise<void> {
  await expect.poll(() => embed(hasty).catch(() => 'cut off'), { timeout: 60_000 }).toBe(200);
  expect(reported.flat()).toEqual([]);
}

const smuggled = lines('GET /metrics HTTP/1.1', HOST, LAST, '');

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
    ['a host that is none', lines('GET /livez HTTP/1.1', 'host: a b', LAST, ''), [400]],
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
    const unknown = get('authorization: Bearer guess', LAST);
    const heard = await send(lines(get(KEY), lines('GET /metrics HTTP/1.1', HOST, ''), unknown));
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
    const heard = await send(lines(line, HOST, LAST, ''));
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
    const [first] = await Promise.all([stall('GET /livez HTTP/1.1\r\nx-a: '), worksAgain()]);
    expect(statuses(first)).toEqual([408]);
  });

  test.each([
    ['the rest of a body', lines(post('content-length: 100'), 'abcd')],
    ['the rest of a chunk', lines(post('transfer-encoding: chunked'), '64', 'abcd')],
    ['the body after Expect: 100-continue', lines(post('content-length: 100', 'expect: 100-continue'), '')],
  ])('%s: 408, and its place is free again', async (_, request) => {
    const heard = await Promise.all(Array.from({ length: 4 }, () => stall(request)));
    expect(heard.flatMap(statuses).filter((status) => status !== 100)).toEqual([408, 408, 408, 408]);
    await worksAgain();
  });

  test('a hundred connections that say nothing keep nobody waiting', async () => {
    const silent = Array.from({ length: 100 }, () => stall());
    await worksAgain();
    expect((await Promise.all(silent)).join('')).not.toContain('200');
  });

  describe('answers that nobody reads', () => {
    /** A server whose every answer is this long, how many it gave, and that it left its only connection. */
    async function serve(bytes: number, timeouts = {}) {
      const body = new Uint8Array(bytes);
      let answers = 0;
      const left = Promise.withResolvers<void>();
      const own = await startHttpServer({
        app: {
          fetch(_, bindings) {
            if (answers === 0) (bindings as HttpBindings).incoming.socket.once('close', left.resolve);
            answers += 1;
            return new Response(body);
          },
        },
        admission: createAdmission({ maxRunning: 1, maxWaiting: 1 }),
        host: '127.0.0.1',
        port: 0,
        grace: 100,
        timeouts,
      });
      const socket = createConnection(Number(new URL(own.url).port), '127.0.0.1').pause();
      socket.on('error', () => undefined);
      const ask = (times: number) => socket.write(lines('GET / HTTP/1.1', HOST, '').repeat(times));
      const stop = async () => {
        socket.destroy();
        await own.stop();
      };
      return { ask, left: left.promise, answers: () => answers, stop };
    }

    /** Bytes: more than the two kernels hold for a connection. */
    const LARGE = 64 * 1024 * 1024;

    test('are left after a while', async () => {
      const { ask, left, answers, stop } = await serve(LARGE, { silence: 200 });
      ask(1);
      await left;
      expect(answers()).toBe(1);
      await stop();
    });

    test('are made one at a time', async () => {
      const { ask, left, answers, stop } = await serve(LARGE, { silence: 200 });
      ask(1 + MAX_AHEAD);
      await left;
      expect(answers()).toBe(1);
      await stop();
    });

    test('and too many that are asked for at once end the connection', async () => {
      const { ask, left, answers, stop } = await serve(1000);
      ask(2000);
      await left;
      expect(answers()).toBeLessThanOrEqual(1 + MAX_AHEAD);
      await stop();
    });
  });

  test('requests sent ahead are answered in their order', async () => {
    const paths = ['/livez', '/nowhere', '/v1/models', '/livez'];
    const sent = paths.map((path, at) =>
      lines(`GET ${path} HTTP/1.1`, HOST, ...(at === 3 ? [LAST] : []), ''),
    );
    expect(statuses(await send(...sent))).toEqual([200, 404, 401, 200]);
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
