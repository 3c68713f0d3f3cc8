// Every failure that the document names, and how to provoke it on the routes that name it.

import { ModelError, SourceError } from '../../core/errors.ts';
import { createAdmission } from '../../worker/admission.ts';
import { apiKeysFrom } from '../../worker/api-keys.ts';
import type { ApiRoute } from '../../worker/api-route.ts';
import type { Limits } from '../../worker/limits.ts';
import { memoryRateLimiter } from '../../worker/rate-limit.ts';
import { type FixtureOptions, knownEngine } from './fixture.ts';
import { base64, RED_PNG } from './images.ts';
import { goodRequest, json, pathOf, ROUTES, sent } from './requests.ts';

const red = RED_PNG;
const bodyRoutes = ROUTES.filter(({ body }) => body !== undefined);
const formRoutes = ROUTES.filter(({ body }) => body?.form === true);
export const imageRoutes = ROUTES.filter(
  ({ body, operationId }) => body?.form === true || ['upsertItems', 'searchIndex'].includes(operationId),
);
const securedRoutes = ROUTES.filter(({ secured }) => secured);

/** `k`, the key of the tests, as API_KEYS keeps it. */
const SHA256_OF_K = '8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a';

export interface Failure {
  readonly name: string;
  readonly code: string;
  readonly status: number;
  readonly routes: readonly ApiRoute[];
  readonly fixture?: FixtureOptions;
  readonly request: (route: ApiRoute) => [string, RequestInit];
}

export const withInput =
  (input: unknown, options: object = {}) =>
  (route: ApiRoute): [string, RequestInit] => [
    pathOf(route),
    json(JSON.stringify({ ...bodyWith(input, route), ...options })),
  ];
function bodyWith(input: unknown, { operationId }: ApiRoute): object {
  const list = Array.isArray(input) ? input : [input];
  if (operationId === 'upsertItems')
    return { items: list.map((image, place) => ({ id: `${place}`, image })) };
  return { input: operationId === 'compare' && !Array.isArray(input) ? [input, input] : input };
}
export const good = (route: ApiRoute) => goodRequest(route);
const limited = (limits: Partial<Limits>): FixtureOptions => ({ limits });
export const failing = (error: unknown): FixtureOptions => ({
  engine: knownEngine(() => Promise.reject(error)),
});
export const access = (limit: number, secret = '') => ({
  dependencies: {
    access: { keys: apiKeysFrom(() => secret), rateLimiter: memoryRateLimiter({ limit, period: 60 }) },
  },
});
export const secret = `phone:${SHA256_OF_K}`;
const stalled = () =>
  new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array([0x89])) });

export const FAILURES: readonly Failure[] = [
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
    routes: ROUTES,
    request: (route) => [pathOf(route), { method: 'PATCH' }],
  },
  {
    name: 'no JSON',
    code: 'invalid_json',
    status: 400,
    routes: bodyRoutes,
    request: (route) => sent(route, json('{')),
  },
  {
    name: 'JSON that is no object',
    code: 'invalid_json',
    status: 400,
    routes: bodyRoutes,
    request: (route) => sent(route, json('[1]')),
  },
  {
    name: 'bytes that are no UTF-8',
    code: 'invalid_json',
    status: 400,
    routes: bodyRoutes,
    request: (route) => sent(route, json(new Uint8Array([0x7b, 0xff, 0x7d]))),
  },
  {
    name: 'an empty body',
    code: 'bad_request',
    status: 400,
    routes: bodyRoutes,
    request: (route) => sent(route, json('')),
  },
  {
    name: 'a form that is none',
    code: 'bad_request',
    status: 400,
    routes: formRoutes,
    request: (route) => [
      pathOf(route),
      { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: 'y' },
    ],
  },
  {
    name: 'another type of body',
    code: 'unsupported_media_type',
    status: 415,
    routes: bodyRoutes,
    request: (route) => sent(route, { headers: { 'content-type': 'text/csv' }, body: 'a' }),
  },
  {
    name: 'no type of body',
    code: 'unsupported_media_type',
    status: 415,
    routes: bodyRoutes,
    request: (route) => sent(route, { body: new Uint8Array([1]) }),
  },
  {
    name: 'another model',
    code: 'not_found',
    status: 404,
    routes: formRoutes,
    request: withInput(base64(red), { model: 'gpt' }),
  },
  {
    name: 'no input',
    code: 'invalid_option',
    status: 422,
    routes: bodyRoutes,
    request: (route) => sent(route, json('{}')),
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
    routes: bodyRoutes,
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
    routes: bodyRoutes,
    fixture: limited({ bodyTimeout: 20 }),
    request: (route) =>
      sent(route, { headers: { 'content-type': 'application/json' }, body: stalled(), duplex: 'half' }),
  },
  {
    name: 'a body of which the declared rest does not come',
    code: 'body_timeout',
    status: 408,
    routes: bodyRoutes,
    fixture: limited({ bodyTimeout: 20 }),
    request: (route) => [
      pathOf(route),
      {
        method: route.method.toUpperCase(),
        headers: { 'content-type': 'application/json', 'content-length': '100' },
        body: stalled(),
        duplex: 'half',
      },
    ],
  },
  {
    name: 'a body shorter than declared',
    code: 'bad_request',
    status: 400,
    routes: bodyRoutes,
    request: (route) => [
      pathOf(route),
      {
        method: route.method.toUpperCase(),
        headers: { 'content-type': 'application/json', 'content-length': '100' },
        body: '{}',
      },
    ],
  },
  {
    name: 'a compressed body',
    code: 'unsupported_media_type',
    status: 415,
    routes: bodyRoutes,
    request: (route) => [
      pathOf(route),
      {
        method: route.method.toUpperCase(),
        headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        body: '{}',
      },
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
