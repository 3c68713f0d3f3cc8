// The document and the app agree: the same routes, answers of the form it promises, and every failure it
// names, provoked on every route that names it. Run in every runtime, with its own decoders.

import { beforeAll, describe, expect, test } from 'vitest';
import type { ZodType } from 'zod';
import { ModelError } from '../../core/errors.ts';
import type { ImageDecoder } from '../../core/ports.ts';
import { memoryAnswerCache } from '../../worker/answer-cache.ts';
import { ANSWER_HEADERS, COMMON_HEADERS } from '../../worker/api-route.ts';
import { servedRoutes } from '../../worker/api-routes.ts';
import type { ApiApp } from '../../worker/app.ts';
import type { PageFiles } from '../../worker/page-files.ts';
import { jsonLog, jsonReport } from '../../worker/request-log.ts';
import { type ErrorAnswer, errorAnswer } from '../../worker/schemas/answer.ts';
import { access, FAILURES, failing, good, imageRoutes, secret, withInput } from './failures.ts';
import { type FixtureOptions, filesOf, createFixture as fixtureWith, knownEngine } from './fixture.ts';
import { base64, RED_PNG } from './images.ts';
import { INDEX_FAILURES } from './index-failures.ts';
import { goodRequest, json, nameOf, ROUTES, seededIndexes } from './requests.ts';

const honoPath = (path: string) => path.replace(/\{(\w+)\}/g, ':$1');

export function testApiContract(decoder: ImageDecoder): void {
  const createFixture = async (options: FixtureOptions = {}) =>
    fixtureWith(decoder, {
      ...options,
      dependencies: { indexes: await seededIndexes(), ...options.dependencies },
    });

  describe.each([
    ['with a store for indexes', true],
    ['without', false],
  ])('%s', (_, indexes) => {
    const described = servedRoutes({ indexes });
    let app: ApiApp;
    beforeAll(async () => {
      ({ app } = await (indexes ? createFixture() : fixtureWith(decoder)));
    });

    test('the app has the routes of the document and no other', () => {
      const served = app.routes
        .filter(({ method, path }) => method !== 'ALL' && path !== '/*')
        .map(({ method, path }) => `${method} ${path}`);
      expect(served.toSorted()).toEqual(
        described.map((route) => nameOf({ ...route, path: honoPath(route.path) })).toSorted(),
      );
    });

    test('the app answers with the document of what it has', async () => {
      const answer = await app.request('/openapi.json');
      const { paths } = (await answer.json()) as { paths: Record<string, object> };
      expect(Object.keys(paths).toSorted()).toEqual(
        [...new Set(described.map(({ path }) => path))].toSorted(),
      );
      const page = await (await app.request('/docs')).text();
      expect(page.includes('/v1/indexes')).toBe(indexes);
    });
  });

  describe('good answers are as promised', () => {
    let app: ApiApp;
    let key = '';
    beforeAll(async () => {
      ({ app } = await createFixture({ dependencies: { answers: memoryAnswerCache(1_000_000) } }));
      const embeddings = ROUTES.find(({ path }) => path === '/v1/embeddings');
      if (embeddings === undefined) return;
      key = ((await app.request(...goodRequest(embeddings))).headers.get('etag') ?? '').replaceAll('"', '');
    });

    test.each(ROUTES.map((route) => [nameOf(route), route] as const))('%s', async (_, route) => {
      const response = await app.request(...goodRequest(route, key));
      expect(response.status).toBe(200);
      const type = response.headers.get('content-type')?.split(';')[0] ?? '';
      expect(Object.keys(route.answer)).toContain(type);
      const promised = route.answer[type];
      if (promised !== undefined && typeof promised !== 'string') expectForm(await response.json(), promised);
      const promisedHeaders: readonly string[] = [...COMMON_HEADERS, ...(route.headers ?? [])];
      const sent = Object.keys(ANSWER_HEADERS).filter((name) => response.headers.has(name));
      expect(promisedHeaders).toEqual(expect.arrayContaining(sent));
      expect(sent).toEqual(expect.arrayContaining([...COMMON_HEADERS]));
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    });
  });

  function expectForm(value: unknown, schema: ZodType): void {
    const result = schema.safeParse(value);
    expect(result.error?.issues ?? []).toEqual([]);
  }

  describe.each([...FAILURES, ...INDEX_FAILURES])('$name', ({ code, status, routes, fixture, request }) => {
    test.each(routes.map((route) => [nameOf(route), route] as const))(
      `%s → ${status} ${code}`,
      async (_, route) => {
        const { app } = await createFixture(fixture);
        const response = await app.request(...request(route));
        expect(response.status).toBe(status);
        const answer = (await response.json()) as ErrorAnswer;
        expectForm(answer, errorAnswer);
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

  describe('other methods', () => {
    let app: ApiApp;
    const pages = ['/', '/service-worker.js', '/web/main.js', '/web/samples/cat.jpg', '/model/model.json'];
    const allowed = new Map(pages.map((path) => [path, 'GET, HEAD']));
    for (const route of ROUTES) {
      const own = route.method === 'get' ? 'GET, HEAD' : route.method.toUpperCase();
      const path = route.path.replace('{index}', 'colours').replace('{key}', '0').replace('{model}', 'known');
      allowed.set(path, [allowed.get(path) ?? [], own].flat().join(', '));
    }
    beforeAll(async () => {
      const page: PageFiles = { open: async () => ({ body: new Blob(['x']).stream() }) };
      const publishedModel = filesOf({ 'model.json': '{}' });
      ({ app } = await createFixture({ dependencies: { page, publishedModel } }));
    });

    describe.each([...allowed])('%s', (path, methods) => {
      test.each(['PUT', 'PATCH', 'OPTIONS', 'PROPFIND', 'DELETE', 'POST'])('%s', async (method) => {
        if (methods.includes(method)) return;
        const response = await app.request(path, { method });
        expect([response.status, response.headers.get('allow')]).toEqual([405, methods]);
      });

      test('HEAD is GET without its body', async () => {
        if (!methods.includes('HEAD')) return;
        const [get, head] = [await app.request(path), await app.request(path, { method: 'HEAD' })];
        expect(head.status).toBe(get.status);
        expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
        expect(await head.text()).toBe('');
      });
    });
  });

  test('an index that exists is opened where no more may be created', async () => {
    const { app } = await createFixture({ limits: { maxIndexes: 2 } });
    const create = (name: string) => app.request('/v1/indexes', json(JSON.stringify({ name })));
    expect((await create('colours')).status).toBe(200);
    expect((await create('third')).status).toBe(409);
    await app.request('/v1/indexes/spare', { method: 'DELETE' });
    const answers = await Promise.all(['third', 'fourth', 'fifth'].map(create));
    expect(answers.map(({ status }) => status)).toEqual([200, 409, 409]);
  });

  describe('security headers', () => {
    test.each(ROUTES.map((route) => [nameOf(route), route] as const))('%s', async (_, route) => {
      const { app } = await createFixture();
      const { headers } = await app.request(...goodRequest(route));
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('strict-transport-security')).toMatch(/max-age=/);
      if (route.path === '/docs')
        expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    });
  });

  test('a path that nobody serves', async () => {
    const { app } = await createFixture();
    const response = await app.request('/v2/embeddings');
    expect(response.status).toBe(404);
    expect(response.headers.get('x-request-id')).toMatch(/./);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
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

  test('… and of the first where every item of a list failed', async () => {
    const lines: string[] = [];
    const full = ['first', 'second'].map((message) => new ModelError('out_of_memory', message));
    let decoded = 0;
    const failingDecoder: ImageDecoder = { decode: () => Promise.reject(full[decoded++]) };
    const dependencies = { log: jsonLog((line) => lines.push(line)) };
    const { app, reported } = await fixtureWith(failingDecoder, { dependencies });
    const answer = await app.request('/v1/embeddings', json('{"input":["AAAA","AAAA"]}'));
    expect(answer.status).toBe(503);
    expect(reported).toEqual([full[0]]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ code: 'out_of_memory', cause: 'first' }]);
  });

  test.each([
    ['an embedding', '/v1/embeddings', (images: readonly string[]) => ({ input: images })],
    [
      'an item of an index',
      '/v1/indexes/colours/items',
      (images: readonly string[]) => ({ items: images.map((image, place) => ({ id: `${place}`, image })) }),
    ],
  ])(
    '… and of %s that failed beside others: once for each code, without the image or the key',
    async (_, path, bodyOf) => {
      const image = base64(RED_PNG);
      let decoded = 0;
      const failingLater: ImageDecoder = {
        decode(...call) {
          decoded += 1;
          return decoded === 1 ? decoder.decode(...call) : Promise.reject(new Error('no such instruction'));
        },
      };
      const lines: string[] = [];
      const { app } = await fixtureWith(failingLater, {
        dependencies: {
          ...access(10, secret).dependencies,
          indexes: await seededIndexes(),
          report: jsonReport((line) => lines.push(line)),
        },
      });
      const { headers, ...init } = json(JSON.stringify(bodyOf([image, image, image, '!!!!'])));
      const response = await app.request(path, {
        ...init,
        headers: { ...headers, authorization: 'Bearer k', 'x-request-id': 'r-7' },
      });
      expect(response.status).toBe(200);
      expect(lines.map((line) => JSON.parse(line))).toEqual([
        expect.objectContaining({
          level: 'error',
          message: 'no such instruction',
          requestId: 'r-7',
          stack: expect.stringContaining('contract'),
        }),
      ]);
      expect(lines.join()).not.toContain(image.slice(0, 40));
      expect(lines.join()).not.toMatch(/Bearer/);
      const page = await app.request('/metrics', { headers: { authorization: 'Bearer k' } });
      const failures = [...(await page.text()).matchAll(/^vgg_edge_failures_total\{.*code="(\w+)"\} (\d)/gm)];
      expect(failures.map(([, code, count]) => [code, count])).toEqual([
        ['internal_error', '2'],
        ['invalid_option', '1'],
      ]);
    },
  );

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

    test('is one inference for all who ask at once', async () => {
      let runs = 0;
      const { app } = await createFixture({
        engine: knownEngine(() => {
          runs += 1;
        }),
      });
      const answers = await Promise.all(Array.from({ length: 20 }, () => app.request('/readyz')));
      expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
      expect(runs).toBe(1);
    });

    test('is gone while inference fails, though the process lives', async () => {
      const { app } = await createFixture(failing(new ModelError('out_of_memory', 'full')));
      expect((await app.request('/readyz')).status).toBe(503);
      expect((await app.request('/livez')).status).toBe(200);
    });
  });
}
