// Image URLs: what may be fetched, and what a fetch may cost. A server on loopback counts its visitors:
// every test fetch ends there, whatever host it names.

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FetchImage, fetchImage, type UrlLimits, urlReader } from '../../net/url-image.ts';
import { checkImageUrl, parseUrlPolicy } from '../../net/url-policy.ts';
import { HOSTILE_URLS } from './hostile-urls.ts';

const LIMITS: UrlLimits = { maxBytes: 1000, timeout: 2000, maxRedirects: 3 };
const GOOD = 'https://images.example.org/photo.jpg';
// `.example` itself is reserved; example.org is a public name, here never resolved.
const ANY = parseUrlPolicy('*');

let answer: RequestListener = (_, response) => response.end('image');
const visits: string[] = [];
const server = createServer((request, response) => {
  visits.push(`${request.method} ${request.url}`);
  answer(request, response);
});

let port = 0;
/** Every URL leads to the server on loopback, which sees it as its path. */
const toLoopback: FetchImage = (url, init) => fetch(`http://127.0.0.1:${port}/${url.href}`, init);
const source = (limits: Partial<UrlLimits> = {}) => ({
  policy: ANY,
  fetch: toLoopback,
  limits: { ...LIMITS, ...limits },
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
beforeEach(() => {
  visits.length = 0;
  answer = (_, response) => response.end('image');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const redirectOnce =
  (location: string): RequestListener =>
  (request, response) => {
    const first = request.url === `/${GOOD}`;
    response.writeHead(first ? 302 : 200, first ? { location } : {}).end('image');
  };

describe('hostile URLs', () => {
  const all = Object.values(HOSTILE_URLS).flat();

  test('the table holds at least 150', () => {
    expect(new Set(all).size).toBeGreaterThanOrEqual(150);
  });

  describe.each(Object.entries(HOSTILE_URLS))('%s', (_, urls) => {
    test.each(urls)('%j is refused and nothing is called', async (url) => {
      const refusal = fetchImage(url.replace('PORT', String(port)), source());
      await expect(refusal).rejects.toMatchObject({ name: 'InputError', code: 'url_not_allowed' });
      expect(visits).toEqual([]);
    });

    // A header holds visible ASCII only; the rest cannot arrive that way. Relative ones stay on the host.
    const locations = urls.filter((url) => /^[a-z]+:[!-~]*$/i.test(url));
    test.each(locations)('a redirect to %j is not followed', async (url) => {
      answer = redirectOnce(url.replace('PORT', String(port)));
      await expect(fetchImage(GOOD, source())).rejects.toMatchObject({ name: 'InputError' });
      expect(visits).toEqual([`GET /${GOOD}`]);
    });
  });

  test.each([
    '//127.0.0.1/',
    '\\\\127.0.0.1\\',
    '/\\localhost/',
    '//[::1]/',
    'https://2130706433/',
    '//user@images.example.org/',
  ])('a redirect to %j is not followed', async (location) => {
    answer = redirectOnce(location);
    await expect(fetchImage(GOOD, source())).rejects.toMatchObject({ code: 'url_not_allowed' });
    expect(visits).toHaveLength(1);
  });
});

describe('the policy', () => {
  test('without hosts no URL is allowed', () => {
    expect(() => checkImageUrl(GOOD, parseUrlPolicy(''))).toThrow('switched off');
  });

  test.each([
    ['images.example.org', GOOD, true],
    ['*.example.org', GOOD, true],
    ['a.net, images.example.org', GOOD, true],
    ['*.example.org', 'https://example.org/', false],
    ['example.org', GOOD, false],
    ['images.example.org', 'https://images.example.org.evil.net/', false],
    ['*.example.org', 'https://evilexample.org/', false],
    ['images.example.org', 'HTTPS://IMAGES.EXAMPLE.ORG:443/a?b=c#d', true],
    ['xn--bcher-kva.example.org', 'https://bücher.example.org/', true],
  ])('with %j, %s is allowed: %s', (hosts, url, allowed) => {
    const check = () => checkImageUrl(url, parseUrlPolicy(hosts));
    if (allowed) expect(check().protocol).toBe('https:');
    else expect(check).toThrow('not one of the hosts allowed');
  });

  test.each(['https://a.org', 'a', '*.', '*', '127.0.0.1', 'a.*.org', '**.a.org'])(
    'ALLOWED_IMAGE_HOSTS=%j',
    (hosts) => {
      if (hosts === '*') expect(parseUrlPolicy(hosts).allowedHosts).toEqual(['*']);
      else expect(() => parseUrlPolicy(hosts)).toThrow('ALLOWED_IMAGE_HOSTS');
    },
  );
});

describe('the fetch', () => {
  test('gives the bytes, and sends nothing of the caller', async () => {
    let headers = {};
    answer = (request, response) => {
      headers = request.headers;
      response.end('image');
    };
    expect(new TextDecoder().decode(await fetchImage(GOOD, source()))).toBe('image');
    expect(headers).toMatchObject({ accept: 'image/*', 'user-agent': 'vgg-edge' });
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('cookie');
  });

  test.each([
    [3, 'image'],
    [4, undefined],
  ])('%i redirects', async (redirects, expected) => {
    answer = (request, response) => {
      const hop = Number(new URL(request.url ?? '', 'http://x').href.split('hop=')[1] ?? 0);
      if (hop === redirects) response.end('image');
      else response.writeHead(307, { location: `/photo.jpg?hop=${hop + 1}` }).end();
    };
    const bytes = fetchImage(GOOD, source());
    if (expected !== undefined) expect(new TextDecoder().decode(await bytes)).toBe(expected);
    else await expect(bytes).rejects.toMatchObject({ code: 'url_not_fetched' });
    expect(visits.length).toBeLessThanOrEqual(4);
  });

  test.each([
    ['a status other than 200', (_, response) => response.writeHead(404).end(), 'url_not_fetched'],
    ['partial content', (_, response) => response.writeHead(206).end('ima'), 'url_not_fetched'],
    ['a redirect without a Location', (_, response) => response.writeHead(302).end(), 'url_not_fetched'],
    [
      'a declared length over the limit',
      (_, response) => response.writeHead(200, { 'content-length': 5000 }).flushHeaders(),
      'image_too_large',
    ],
    ['a stream over the limit', (_, response) => response.end(Buffer.alloc(1001)), 'image_too_large'],
    [
      'a connection cut half way',
      (request, response) =>
        response.writeHead(200, { 'content-length': 900 }).write('x', () => request.socket.destroy()),
      'url_not_fetched',
    ],
  ] satisfies [string, RequestListener, string][])('%s', async (_, listener, code) => {
    answer = listener;
    await expect(fetchImage(GOOD, source())).rejects.toMatchObject({ code, param: 'input' });
  });

  test('a stream without an end stops at the limit', async () => {
    let open = false;
    answer = (request, response) => {
      open = true;
      const timer = setInterval(() => response.write(Buffer.alloc(600)), 1);
      request.socket.on('close', () => {
        clearInterval(timer);
        open = false;
      });
    };
    await expect(fetchImage(GOOD, source())).rejects.toMatchObject({ code: 'image_too_large' });
    await expect.poll(() => open).toBe(false);
  });

  test.each([
    ['headers', () => undefined],
    ['the body', (_, response) => response.writeHead(200).write('x')],
  ] satisfies [string, RequestListener][])('waiting for %s ends with the time limit', async (_, listener) => {
    answer = listener;
    await expect(fetchImage(GOOD, source({ timeout: 60 }))).rejects.toThrow('longer than 60 ms');
  });

  test('the time limit holds for a fetch that ignores its signal', async () => {
    const deaf: FetchImage = () => new Promise(() => undefined);
    await expect(fetchImage(GOOD, { ...source({ timeout: 30 }), fetch: deaf })).rejects.toThrow(
      'longer than 30 ms',
    );
  });
});

describe('the URLs of one request', () => {
  test('share a time, which is told, and are not asked without any', async () => {
    let time = 0;
    const read = urlReader(source({ timeout: 50 }), 1000, () => time);
    await read(GOOD);
    time = 50;
    await expect(read(GOOD)).rejects.toThrow('the URLs of this request took longer than 50 ms together');
    expect(visits).toHaveLength(1);
  });

  test('share their bytes, which are told, and are not asked without any left', async () => {
    const read = urlReader(source(), 12, () => 0);
    await read(GOOD);
    await read(GOOD);
    const large = { code: 'image_too_large', message: expect.stringMatching(/at most 12 bytes .* together/) };
    await expect(read(GOOD)).rejects.toMatchObject(large);
    answer = (_, response) => response.end('im');
    await read(GOOD);
    await expect(read(GOOD)).rejects.toMatchObject(large);
    expect(visits).toHaveLength(4);
  });

  test('each have a limit of their own', async () => {
    const read = urlReader(source({ maxBytes: 4 }), 100, () => 0);
    await expect(read(GOOD)).rejects.toThrow('at most 4 bytes behind the image URL but');
  });
});
