// Who gets in, how often, and what the log and the metrics hold of it.

import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { apiKeysFrom } from '../../worker/api-keys.ts';
import { createApiMetrics } from '../../worker/api-metrics.ts';
import { errorResponse } from '../../worker/error-response.ts';
import { guard } from '../../worker/guard.ts';
import { observe } from '../../worker/observe.ts';
import { memoryRateLimiter } from '../../worker/rate-limit.ts';
import type { ApiEnv } from '../../worker/request-facts.ts';
import type { RequestLogEntry } from '../../worker/request-log.ts';

const KEY = 'a-very-secret-key';
const SECRET = `phone:${createHash('sha256').update(KEY).digest('hex')}`;

function appWith(secret: string | undefined, limit = 100) {
  const logged: RequestLogEntry[] = [];
  const metrics = createApiMetrics({ engineMemoryBytes: () => 0, running: () => 0, waiting: () => 0 });
  const app = new Hono<ApiEnv>();
  app.use(
    observe({
      metrics,
      log: (entry) => logged.push(entry),
      report: () => undefined,
      now: () => performance.now(),
    }),
  );
  app.use(
    '/v1/*',
    guard({ keys: apiKeysFrom(() => secret), rateLimiter: memoryRateLimiter({ limit, period: 60 }) }, [
      ALLOWED,
    ]),
  );
  app.get('/v1/models/:model', (context) => context.text(context.req.param('model')));
  app.get('/livez', (context) => context.text('ok'));
  app.onError((error) => errorResponse(error));
  const ask = (url: string, headers: Record<string, string> = {}) =>
    app.request(url, { headers: { 'x-request-id': 'r-1', ...headers } });
  return { ask, logged, metrics };
}

const withKey = { authorization: `Bearer ${KEY}` };
const LOCAL = 'http://localhost:8787/v1/models/a';
const ALLOWED = 'https://shop.example';
const PUBLIC = 'https://api.example.org/v1/models/a';

describe('access', () => {
  test.each<[string, string | undefined, string, Record<string, string>, number]>([
    ['a known key', SECRET, PUBLIC, withKey, 200],
    ['no key', SECRET, PUBLIC, {}, 401],
    ['another key', SECRET, PUBLIC, { authorization: 'Bearer guess' }, 401],
    ['no key on loopback, where keys are set', SECRET, 'http://localhost/v1/models/a', {}, 401],
    ['no key on loopback, where none are set', undefined, 'http://localhost:8787/v1/models/a', {}, 200],
    ['our own page on loopback', undefined, LOCAL, { origin: 'http://localhost:8787' }, 200],
    ['the page of a stranger on loopback', undefined, LOCAL, { origin: 'https://evil.example' }, 401],
    ['a form of a stranger on loopback', undefined, LOCAL, { 'sec-fetch-site': 'cross-site' }, 401],
    ['another port of this machine', undefined, LOCAL, { 'sec-fetch-site': 'same-site' }, 401],
    ['a form of our own page', undefined, LOCAL, { origin: 'null', 'sec-fetch-site': 'same-origin' }, 200],
    ['a sandboxed page', undefined, LOCAL, { origin: 'null', 'sec-fetch-site': 'cross-site' }, 401],
    ['a page without an origin, by an old browser', undefined, LOCAL, { origin: 'null' }, 401],
    ['an address that was typed', undefined, LOCAL, { 'sec-fetch-site': 'none' }, 200],
    ['a page that CORS allows', undefined, LOCAL, { origin: ALLOWED, 'sec-fetch-site': 'cross-site' }, 200],
    ['no key from outside, where none are set', undefined, PUBLIC, {}, 401],
    ['any key from outside, where none are set', undefined, PUBLIC, withKey, 401],
    ['a route that needs none', SECRET, 'https://api.example.org/livez', {}, 200],
  ])('%s', async (_, secret, url, headers, status) => {
    const response = await appWith(secret).ask(url, headers);
    expect(response.status).toBe(status);
  });

  test('a deployment whose secret is malformed lets nobody in, and tells nobody why', async () => {
    const response = await appWith('plain-text').ask('http://localhost/v1/models/a', {
      authorization: 'Bearer plain-text',
    });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toMatch(/API_KEYS|sha256|plain-text/);
  });
});

test('beyond the rate a key waits, and only that key', async () => {
  const other = `${SECRET},batch:${createHash('sha256').update('other').digest('hex')}`;
  const { ask } = appWith(other, 2);
  const statuses = [];
  for (let index = 0; index < 3; index += 1) statuses.push((await ask(PUBLIC, withKey)).status);
  expect(statuses).toEqual([200, 200, 429]);
  const refused = await ask(PUBLIC, withKey);
  expect(refused.headers.get('retry-after')).toBe('30');
  expect(await refused.json()).toMatchObject({ error: { code: 'too_many_requests' } });
  expect((await ask(PUBLIC, { authorization: 'Bearer other' })).status).toBe(200);
});

test('strangers do not use up anybody’s rate', async () => {
  const { ask } = appWith(SECRET, 1);
  for (let index = 0; index < 5; index += 1) await ask(PUBLIC, { authorization: 'Bearer guess' });
  expect((await ask(PUBLIC, withKey)).status).toBe(200);
});

describe('the log', () => {
  test('has one entry per request, by pattern, with the name of the key and never the key', async () => {
    const { ask, logged } = appWith(SECRET);
    await ask(`${PUBLIC}?token=${KEY}`, withKey);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatchObject({
      requestId: 'r-1',
      method: 'GET',
      route: '/v1/models/:model',
      status: 200,
      key: 'phone',
    });
    expect(JSON.stringify(logged)).not.toContain(KEY);
  });

  test.each([
    ['r-1', 'r-1'],
    ['a b', undefined],
    ['x'.repeat(200), undefined],
  ])('the caller’s request id %j', async (given, kept) => {
    const { ask } = appWith(SECRET);
    const id = (await ask(PUBLIC, { ...withKey, 'x-request-id': given })).headers.get('x-request-id');
    if (kept !== undefined) expect(id).toBe(kept);
    else expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('the trace is continued and told', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const { ask, logged } = appWith(SECRET);
    const response = await ask(PUBLIC, { ...withKey, traceparent: `00-${trace}-00f067aa0ba902b7-01` });
    expect(response.headers.get('traceparent')).toMatch(`00-${trace}-`);
    expect(logged[0]?.traceId).toBe(trace);
  });
});

test('metrics count by pattern: paths that nobody serves are one', async () => {
  const { ask, metrics } = appWith(SECRET);
  await ask(PUBLIC, withKey);
  await ask(PUBLIC);
  for (let index = 0; index < 3; index += 1) await ask(`https://api.example.org/${index}`);
  const text = metrics.registry.text();
  expect(text).toContain('http_requests_total{route="/v1/models/:model",method="GET",status="200"} 1');
  expect(text).toContain('http_requests_total{route="unmatched",method="other",status="404"} 3');
  expect(text).toMatch(/http_requests_total\{route="[^"]+",method="GET",status="401"\} 1/);
});
