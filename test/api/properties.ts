// Whatever is sent, the answer has a documented status and the form of an error, and the next good request
// still works. The seed is fixed: a run is repeatable, and a failure prints what was sent. Run in every
// runtime, with its own decoders.

import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ImageDecoder } from '../../core/ports.ts';
import type { ApiRoute } from '../../worker/api-route.ts';
import type { ApiApp } from '../../worker/app.ts';
import { errorAnswer } from '../../worker/schemas/answer.ts';
import { createFixture } from './fixture.ts';
import { base64, RED_JPEG as jpeg, RED_PNG as red, RED_WEBP as webp } from './images.ts';
import { nameOf, pathOf, ROUTES, SPACE, seededIndexes } from './requests.ts';

const SETTINGS = { seed: 20_261_124, numRuns: 120 };

const withBody = ROUTES.filter(({ body }) => body !== undefined);

/** What the route's document says it may answer; 500 is for what nobody foresaw, and so for nothing here. */
const documented = ({ failures }: ApiRoute): readonly number[] => [200, 401, 405, 429, ...failures];

export function testApiProperties(decoder: ImageDecoder): void {
  let app: ApiApp;
  let unforeseen: readonly unknown[];
  beforeAll(async () => {
    const fixture = await createFixture(decoder, {
      limits: { maxBodyBytes: 200_000, maxImagePixels: 1_000_000, bodyTimeout: 500 },
      dependencies: { indexes: await seededIndexes() },
    });
    app = fixture.app;
    unforeseen = fixture.reported;
  });

  /** Sends it, checks the answer, and then that a good request works. */
  async function survives(route: ApiRoute, init: RequestInit, path = pathOf(route)): Promise<void> {
    const response = await app.request(path, { ...init, method: route.method.toUpperCase() });
    expect(documented(route)).toContain(response.status);
    if (response.status !== 200) {
      const { error } = (await response.json()) as { error: unknown };
      expect(errorAnswer.safeParse({ error }).success).toBe(true);
    }
    const good = await app.request('/v1/classify', {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: new Uint8Array(red),
    });
    expect(good.status).toBe(200);
    expect(unforeseen).toEqual([]);
  }

  const anyRoute = fc.constantFrom(...withBody);
  const post = (type: string, body: string | Uint8Array<ArrayBuffer>): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': type },
    body,
  });

  describe('any', () => {
    test('bytes as an image', async () => {
      const bytes = fc.uint8Array({ maxLength: 300 });
      await fc.assert(
        fc.asyncProperty(anyRoute, bytes, (where, body) =>
          survives(where, post('image/jpeg', new Uint8Array(body))),
        ),
        SETTINGS,
      );
    });

    test.each([
      ['PNG', red],
      ['JPEG', jpeg],
      ['WebP', webp],
    ])('%s with bytes changed, cut off or put in', async (_, image) => {
      const change = fc.record({
        at: fc.nat(image.length - 1),
        value: fc.nat(255),
        cut: fc.nat(image.length),
        insert: fc.uint8Array({ maxLength: 8 }),
      });
      await fc.assert(
        fc.asyncProperty(anyRoute, change, (where, { at, value, cut, insert }) => {
          const changed = new Uint8Array(image);
          changed[at] = value;
          const body = new Uint8Array([...changed.subarray(0, cut), ...insert, ...changed.subarray(at)]);
          return survives(where, post('image/png', body));
        }),
        SETTINGS,
      );
    });

    test('JSON', async () => {
      await fc.assert(
        fc.asyncProperty(anyRoute, fc.json({ maxDepth: 5 }), (where, body) =>
          survives(where, post('application/json', body)),
        ),
        SETTINGS,
      );
    });

    test('JSON with fields of the API', async () => {
      const anything = fc.oneof(
        fc.anything({ maxDepth: 2 }),
        fc.constantFrom('fc6', 'scores', 'gem', 'base64', 'int8', base64(red), -1, 0, 1e308, null),
      );
      const fields = [
        'input',
        'layer',
        'pool',
        'dimensions',
        'normalize',
        'encoding_format',
        'dtype',
        'crop',
        'model',
        'user',
        'top_k',
        'regions',
        'name',
        'space',
        'items',
        'ids',
        'id',
        'vector',
        'filter',
        'min_score',
        'fold',
        '__proto__',
        'constructor',
      ];
      const body = fc.dictionary(fc.constantFrom(...fields), anything, { maxKeys: 6 });
      await fc.assert(
        fc.asyncProperty(anyRoute, body, (where, value) =>
          survives(where, post('application/json', toJson({ input: base64(red), ...value }))),
        ),
        SETTINGS,
      );
    });

    test('items of an index', async () => {
      const upsert = routeOf('upsertItems');
      const search = routeOf('searchIndex');
      const value = fc.oneof(
        fc.anything({ maxDepth: 2 }),
        fc.constantFrom<unknown>('red', base64(red), [1, 0, 0, 1], [1e308, 0, 0, 1], SPACE, { in: ['a'] }),
      );
      const fields = ['id', 'image', 'vector', 'metadata', 'space', 'filter', 'fold', '__proto__'];
      const part = fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 4 });
      await fc.assert(
        fc.asyncProperty(fc.array(part, { maxLength: 3 }), part, async (items, query) => {
          const whole = items.map((item, place) => ({ id: `${place}`, ...item }));
          await survives(upsert, post('application/json', toJson({ items: whole })));
          const vectors = toJson({ items: whole, space: SPACE });
          await survives(upsert, post('application/json', vectors));
          await survives(search, post('application/json', toJson(query)));
        }),
        SETTINGS,
      );
    });

    test('form', async () => {
      const part = fc.tuple(
        fc.constantFrom('image', 'layer', 'top_k', 'crop', 'x'),
        fc.oneof(fc.string(), fc.constant(new Uint8Array(red)), fc.uint8Array({ maxLength: 60 })),
      );
      await fc.assert(
        fc.asyncProperty(anyRoute, fc.array(part, { maxLength: 5 }), (where, parts) => {
          const form = new FormData();
          for (const [name, value] of parts) {
            if (typeof value === 'string') form.append(name, value);
            else form.append(name, new Blob([new Uint8Array(value)]), 'photo.png');
          }
          return survives(where, { method: 'POST', body: form });
        }),
        SETTINGS,
      );
    });

    test('bytes as a form', async () => {
      const type = fc.constantFrom(
        'multipart/form-data',
        'multipart/form-data; boundary=',
        'multipart/form-data; boundary=x',
        'multipart/form-data; boundary="',
      );
      const text = fc.array(
        fc.constantFrom(
          '--x',
          '\r\n',
          'Content-Disposition: form-data; name="image"; filename="a"',
          '\r\n\r\n',
          '--',
          '\0',
          'é',
        ),
        { maxLength: 12 },
      );
      await fc.assert(
        fc.asyncProperty(anyRoute, type, text, (where, header, pieces) =>
          survives(where, post(header, pieces.join(''))),
        ),
        SETTINGS,
      );
    });

    test('query', async () => {
      const query = fc.dictionary(
        fc.oneof(
          fc.constantFrom('layer', 'pool', 'crop', 'dimensions', 'top_k', 'model', 'min_score', 'filter'),
          fc.string(),
        ),
        fc.string(),
        { maxKeys: 4 },
      );
      await fc.assert(
        fc.asyncProperty(anyRoute, query, (where, values) =>
          survives(
            where,
            post('image/png', new Uint8Array(red)),
            `${pathOf(where)}?${new URLSearchParams(values)}`,
          ),
        ),
        SETTINGS,
      );
    });

    const named = ROUTES.filter(({ path }) => path.includes('{'));
    test.each(named.map((route) => [nameOf(route), route] as const))('name in %s', async (_, route) => {
      const names = ['...', '%', '__proto__', 'a/b', '\0', '*', '0'.repeat(64), 'a'.repeat(5000)];
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'binary' }), fc.json({ maxDepth: 2 }), (name, body) => {
          // No name, or dots, make it another path.
          fc.pre(!/^(?:|\.{1,2})$/.test(name));
          const path = route.path.replace(/\{\w+\}/, encodeURIComponent(name.toWellFormed()));
          return survives(route, route.body === undefined ? {} : post('application/json', body), path);
        }),
        { ...SETTINGS, numRuns: 30, examples: names.map((name) => [name, '{}']) },
      );
    });

    test('text as an image', async () => {
      const text = fc.oneof(
        fc.string(),
        fc.webUrl(),
        fc.base64String(),
        fc.string().map((rest) => `data:${rest}`),
        fc.string({ unit: 'binary' }),
      );
      await fc.assert(
        fc.asyncProperty(anyRoute, text, (where, image) =>
          survives(where, post('application/json', JSON.stringify({ input: [image, { image }] }))),
        ),
        SETTINGS,
      );
    });
  });
}

function routeOf(operation: string): ApiRoute {
  const route = ROUTES.find(({ operationId }) => operationId === operation);
  if (route === undefined) throw new Error(`Expected a route ${operation}.`);
  return route;
}

/** JSON of whatever can be written as JSON. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part));
}
