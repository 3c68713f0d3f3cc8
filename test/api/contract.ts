// The document and the app agree: the same routes, answers of the form it promises, and every failure it
// names, provoked on every route that names it. Run in every runtime, with its own decoders.

import { beforeAll, describe, expect, test } from 'vitest';
import type { ZodType } from 'zod';
import { ModelError, SourceError } from '../../core/errors.ts';
import type { ImageDecoder } from '../../core/ports.ts';
import { createAdmission } from '../../worker/admission.ts';
import { memoryAnswerCache } from '../../worker/answer-cache.ts';
import { apiKeysFrom } from '../../worker/api-keys.ts';
import { API_ROUTES, type ApiRoute } from '../../worker/api-routes.ts';
import type { ApiApp } from '../../worker/app.ts';
import type { Limits } from '../../worker/limits.ts';
import { memoryRateLimiter } from '../../worker/rate-limit.ts';
import { type ErrorAnswer, errorAnswer } from '../../worker/schemas/answer.ts';
import { type FixtureOptions, createFixture as fixtureWith, knownEngine } from './fixture.ts';
import { base64, RED_JPEG, RED_PNG } from './images.ts';

const red = RED_PNG;
const jpeg = RED_JPEG;

/** `k`, the key of the tests, as API_KEYS keeps it. */
const SHA256_OF_K = '8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a';

const nameOf = ({ method, path }: ApiRoute) => `${method.toUpperCase()} ${path}`;
const honoPath = (path: string) => path.replace(/\{(\w+)\}/g, ':$1');
const imageRoutes = API_ROUTES.filter(({ body }) => body !== undefined);
const securedRoutes = API_ROUTES.filter(({ secured }) => secured);

/** A request the route answers well. */
function goodRequest({ method, path, body }: ApiRoute, key: string): [string, RequestInit] {
  if (body === undefined)
    return [path.replace('{key}', key).replace('{model}', 'known'), { method: method.toUpperCase() }];
  const input = [base64(red), base64(jpeg)];
  return [
    path,
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ input }) },
  ];
}

export function testApiContract(decoder: ImageDecoder): void {
  const createFixture = (options?: FixtureOptions) => fixtureWith(decoder, options);

  test('the app has the routes of the document and no other', async () => {
    const { app } = await createFixture();
    const served = app.routes
      .filter(({ method, path }) => method !== 'ALL' && path !== '/*')
      .map(({ method, path }) => `${method} ${path}`);
    expect(served.toSorted()).toEqual(
      API_ROUTES.map((route) => `${route.method.toUpperCase()} ${honoPath(route.path)}`).toSorted(),
    );
  });

  describe('good answers are as promised', () => {
    let app: ApiApp;
    let key = '';
    beforeAll(async () => {
      ({ app } = await createFixture({ dependencies: { answers: memoryAnswerCache(1_000_000) } }));
      const embeddings = API_ROUTES.find(({ path }) => path === '/v1/embeddings');
      if (embeddings === undefined) return;
      key = ((await app.request(...goodRequest(embeddings, ''))).headers.get('etag') ?? '').replaceAll(
        '"',
        '',
      );
    });

    test.each(API_ROUTES.map((route) => [nameOf(route), route] as const))('%s', async (_, route) => {
      const response = await app.request(...goodRequest(route, key));
      expect(response.status).toBe(200);
      const type = response.headers.get('content-type')?.split(';')[0] ?? '';
      expect(Object.keys(route.answer)).toContain(type);
      const promised = route.answer[type];
      if (promised !== undefined && typeof promised !== 'string') expectForm(await response.json(), promised);
      expect(response.headers.get('x-request-id')).toMatch(/./);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    });
  });

  function expectForm(value: unknown, schema: ZodType): void {
    const result = schema.safeParse(value);
    expect(result.error?.issues ?? []).toEqual([]);
  }

  interface Failure {
    readonly name: string;
    readonly code: string;
    readonly status: number;
    readonly routes: readonly ApiRoute[];
    readonly fixture?: FixtureOptions;
    readonly request: (route: ApiRoute) => [string, RequestInit];
  }

  const json = (body: string) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const withInput =
    (input: unknown, options: object = {}) =>
    (route: ApiRoute): [string, RequestInit] => [
      route.path,
      json(
        JSON.stringify({
          input: route.path === '/v1/similarity' && !Array.isArray(input) ? [input, input] : input,
          ...options,
        }),
      ),
    ];
  const good = (route: ApiRoute) => goodRequest(route, '0'.repeat(64));
  const limited = (limits: Partial<Limits>): FixtureOptions => ({ limits });
  const failing = (error: unknown): FixtureOptions => ({ engine: knownEngine(() => Promise.reject(error)) });
  const access = (limit: number, secret = '') => ({
    dependencies: {
      access: { keys: apiKeysFrom(() => secret), rateLimiter: memoryRateLimiter({ limit, period: 60 }) },
    },
  });
  const secret = `phone:${SHA256_OF_K}`;
  const stalled = () =>
    new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array([0x89])) });

  const FAILURES: readonly Failure[] = [
    {
      name: 'no key',
      code: 'unauthorized',
      status: 401,
      routes: securedRoutes,
      fixture: access(9, secret),
      request: good,
    },
    {
      name: 'a key too often',
      code: 'too_many_requests',
      status: 429,
      routes: securedRoutes,
      fixture: access(0),
      request: good,
    },
    {
      name: 'another method',
      code: 'method_not_allowed',
      status: 405,
      routes: API_ROUTES,
      request: ({ path }) => [path, { method: 'DELETE' }],
    },
    {
      name: 'no JSON',
      code: 'invalid_json',
      status: 400,
      routes: imageRoutes,
      request: ({ path }) => [path, json('{')],
    },
    {
      name: 'JSON that is no object',
      code: 'invalid_json',
      status: 400,
      routes: imageRoutes,
      request: ({ path }) => [path, json('[1]')],
    },
    {
      name: 'bytes that are no UTF-8',
      code: 'invalid_json',
      status: 400,
      routes: imageRoutes,
      request: ({ path }) => [path, { ...json(''), body: new Uint8Array([0x7b, 0xff, 0x7d]) }],
    },
    {
      name: 'an empty body',
      code: 'bad_request',
      status: 400,
      routes: imageRoutes,
      request: ({ path }) => [path, json('')],
    },
    {
      name: 'a form that is none',
      code: 'bad_request',
      status: 400,
      routes: imageRoutes,
      request: ({ path }) => [
        path,
        { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: 'y' },
      ],
    },
    {
      name: 'another type of body',
      code: 'unsupported_media_type',
      status: 415,
      routes: imageRoutes,
      request: ({ path }) => [path, { method: 'POST', headers: { 'content-type': 'text/csv' }, body: 'a' }],
    },
    {
      name: 'no type of body',
      code: 'unsupported_media_type',
      status: 415,
      routes: imageRoutes,
      request: ({ path }) => [path, { method: 'POST', body: new Uint8Array([1]) }],
    },
    {
      name: 'another model',
      code: 'not_found',
      status: 404,
      routes: imageRoutes,
      request: withInput(base64(red), { model: 'gpt' }),
    },
    {
      name: 'no input',
      code: 'invalid_option',
      status: 422,
      routes: imageRoutes,
      request: ({ path }) => [path, json('{}')],
    },
    {
      name: 'an unknown option',
      code: 'invalid_option',
      status: 422,
      routes: imageRoutes,
      request: withInput(base64(red), { layre: 'fc6' }),
    },
    {
      name: 'an option of another type',
      code: 'invalid_option',
      status: 422,
      routes: imageRoutes,
      request: withInput(base64(red), { model: 7 }),
    },
    {
      name: 'more images than allowed',
      code: 'invalid_option',
      status: 422,
      routes: imageRoutes,
      request: withInput(Array(17).fill(base64(red))),
    },
    {
      name: 'an image that is a number',
      code: 'invalid_option',
      status: 422,
      routes: imageRoutes,
      request: withInput(7),
    },
    {
      name: 'text that is no base64',
      code: 'invalid_option',
      status: 422,
      routes: imageRoutes,
      request: withInput('!!!!'),
    },
    {
      name: 'an image URL',
      code: 'url_not_allowed',
      status: 422,
      routes: imageRoutes,
      request: withInput('https://images.example.org/a.jpg'),
    },
    {
      name: 'bytes that are no image',
      code: 'unsupported_image',
      status: 415,
      routes: imageRoutes,
      request: withInput(base64(new Uint8Array(100))),
    },
    {
      name: 'a broken image',
      code: 'invalid_image',
      status: 422,
      routes: imageRoutes,
      request: withInput(base64(red.subarray(0, 40))),
    },
    {
      name: 'a body too large',
      code: 'body_too_large',
      status: 413,
      routes: imageRoutes,
      fixture: limited({ maxBodyBytes: 10 }),
      request: good,
    },
    {
      name: 'an image too large',
      code: 'image_too_large',
      status: 413,
      routes: imageRoutes,
      fixture: limited({ maxImageBytes: 10 }),
      request: good,
    },
    {
      name: 'too many pixels',
      code: 'image_too_large',
      status: 413,
      routes: imageRoutes,
      fixture: limited({ maxImagePixels: 10 }),
      request: good,
    },
    {
      name: 'a body that does not come',
      code: 'body_timeout',
      status: 408,
      routes: imageRoutes,
      fixture: limited({ bodyTimeout: 20 }),
      request: ({ path }) => [
        path,
        { method: 'POST', headers: { 'content-type': 'application/json' }, body: stalled(), duplex: 'half' },
      ],
    },
    {
      name: 'too much work waiting',
      code: 'overloaded',
      status: 503,
      routes: imageRoutes,
      fixture: { dependencies: { admission: createAdmission({ maxRunning: 0, maxWaiting: 0 }) } },
      request: good,
    },
    {
      name: 'an engine that fails',
      code: 'engine_failed',
      status: 503,
      routes: imageRoutes,
      fixture: failing(new ModelError('engine_failed', 'broken')),
      request: good,
    },
    {
      name: 'weights that cannot be fetched',
      code: 'unreachable',
      status: 503,
      routes: imageRoutes,
      fixture: failing(new SourceError('unreachable', 'offline')),
      request: good,
    },
    {
      name: 'something unforeseen',
      code: 'internal_error',
      status: 500,
      routes: imageRoutes,
      fixture: failing(new Error('secret detail')),
      request: good,
    },
  ];

  describe.each(FAILURES)('$name', ({ code, status, routes, fixture, request }) => {
    test.each(routes.map((route) => [nameOf(route), route] as const))(
      `%s → ${status} ${code}`,
      async (_, route) => {
        const { app } = await createFixture(fixture);
        const response = await app.request(...request(route));
        expect(response.status).toBe(status);
        const answer = (await response.json()) as ErrorAnswer;
        expectForm({ error: answer.error }, errorAnswer);
        expect(answer.error.code).toBe(code);
        expect(JSON.stringify(answer)).not.toContain('secret detail');

        const documented = [200, 304, 405, 500, ...(route.secured ? [401, 429] : []), ...route.failures];
        expect(documented).toContain(status);
        expect(response.headers.has('retry-after')).toBe(status === 429 || status === 503);
        if (status === 405) expect(response.headers.get('allow')).toContain(route.method.toUpperCase());
        if (status === 401) expect(response.headers.get('www-authenticate')).toBe('Bearer');
      },
    );
  });

  test('a path that nobody serves', async () => {
    const { app } = await createFixture();
    const response = await app.request('/v2/embeddings');
    expect(response.status).toBe(404);
    expectForm(await response.json(), errorAnswer);
  });

  test('who runs the service is told of its failures, not of the callers’', async () => {
    const broken = new ModelError('engine_failed', 'broken');
    const { app, reported } = await createFixture(failing(broken));
    const [route] = imageRoutes;
    if (route === undefined) return;
    await app.request(...withInput('!!!!')(route));
    expect(reported).toEqual([]);
    await app.request(...good(route));
    expect(reported).toEqual([broken]);
  });

  describe('readiness', () => {
    test('is an inference, and one serves everybody for a while', async () => {
      let runs = 0;
      const { app } = await createFixture({
        engine: knownEngine(() => {
          runs += 1;
        }),
      });
      for (let round = 0; round < 5; round += 1) expect((await app.request('/readyz')).status).toBe(200);
      expect(runs).toBe(1);
    });

    test('is gone while inference fails, though the process lives', async () => {
      const { app } = await createFixture(failing(new ModelError('out_of_memory', 'full')));
      expect((await app.request('/readyz')).status).toBe(503);
      expect((await app.request('/livez')).status).toBe(200);
    });
  });
}
