// What somebody with bad intentions sends to the app: bodies that cost more than they seem, options that
// say two things, names that are none. Each has a documented answer, soon, and nothing of ours is told.
// What needs a socket (slow senders, two requests in one) stands in test/server/attacks.test.ts.

import { beforeAll, describe, expect, test } from 'vitest';
import type { ImageDecoder } from '../../core/ports.ts';
import type { ApiApp } from '../../worker/app.ts';
import type { ErrorAnswer } from '../../worker/schemas/answer.ts';
import { createFixture } from './fixture.ts';
import { base64, RED_PNG } from './images.ts';
import { json, seededIndexes } from './requests.ts';

const EMBED = '/v1/embeddings';
const image = base64(RED_PNG);

const deepList = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const deepObject = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const picture = { method: 'POST', headers: { 'content-type': 'image/png' }, body: RED_PNG };
const withHeaders = (headers: Record<string, string>, init: RequestInit = picture): RequestInit => ({
  ...init,
  headers: { 'content-type': 'image/png', ...headers },
});
const form = (...fields: [string, string | Uint8Array<ArrayBuffer>][]): RequestInit => {
  const body = new FormData();
  for (const [name, value] of fields) {
    if (typeof value === 'string') body.append(name, value);
    else body.append(name, new Blob([value]), 'photo.png');
  }
  return { method: 'POST', body };
};
const multipart = (body: string, boundary = 'x'): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  body,
});

interface Attack {
  readonly name: string;
  readonly path?: string;
  readonly init: RequestInit;
  readonly status: number;
  readonly code: string;
}

const NESTING: readonly Attack[] = [
  ['an option nested 200,000 deep', EMBED, `{"input":"${image}","layer":${deepList(200_000)}}`],
  ['an input nested a million deep', EMBED, `{"input":${deepList(1_000_000)}}`],
  ['a body nested 500,000 deep', EMBED, deepObject(500_000)],
  ['brackets that never close', EMBED, '['.repeat(1_000_000)],
  ['a crop nested 100,000 deep', EMBED, `{"input":"${image}","crop":${deepObject(100_000)}}`],
  [
    'a filter nested 100,000 deep',
    '/v1/indexes/colours/search',
    `{"id":"red","filter":{"a":${deepObject(100_000)}}}`,
  ],
  [
    'metadata nested 100,000 deep',
    '/v1/indexes/colours/items',
    `{"items":[{"id":"a","image":"${image}","metadata":{"a":${deepObject(100_000)}}}]}`,
  ],
  [
    '700,000 names',
    EMBED,
    `{"input":"${image}"${Array.from({ length: 700_000 }, (_, at) => `,"k${at}":1`).join('')}}`,
  ],
].map(([name = '', path = '', body = '']) => ({
  name,
  path,
  init: json(body),
  status: 400,
  code: 'invalid_json',
}));

const SIZES: readonly Attack[] = [
  {
    name: 'a list of a million images',
    init: json(`{"input":[${'"AAAA",'.repeat(999_999)}"AAAA"]}`),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'base64 of 9 MB of nothing',
    init: json(`{"input":"${'A'.repeat(9_000_000)}"}`),
    status: 415,
    code: 'unsupported_image',
  },
  {
    name: 'line breaks for an image',
    init: json(JSON.stringify({ input: '\n'.repeat(4_000_000) })),
    status: 422,
    code: 'invalid_image',
  },
  {
    name: 'a name of 5 MB',
    init: json(`{"input":"${image}","${'x'.repeat(5_000_000)}":1}`),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'a value of 5 MB',
    init: json(`{"input":"${image}","layer":"${'x'.repeat(5_000_000)}"}`),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'a declared length beyond all numbers',
    init: withHeaders({ 'content-length': '9'.repeat(400) }),
    status: 413,
    code: 'body_too_large',
  },
  {
    name: 'a form with 50,000 fields',
    init: multipart(
      `${'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'.repeat(50_000)}--x--\r\n`,
    ),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'a form of nothing but boundaries',
    init: multipart('--x\r\n'.repeat(100_000)),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'a form without a boundary, of nothing but hyphens',
    init: { ...multipart('--'.repeat(100_000)), headers: { 'content-type': 'multipart/form-data' } },
    status: 400,
    code: 'bad_request',
  },
  {
    name: 'a form with 17 images',
    init: form(...Array.from({ length: 17 }, (): [string, Uint8Array<ArrayBuffer>] => ['image', RED_PNG])),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'a boundary of 5,000 characters',
    init: multipart('y', 'x'.repeat(5000)),
    status: 400,
    code: 'bad_request',
  },
];

const COMPRESSED: readonly Attack[] = ['gzip', 'br', 'deflate', 'zstd', 'gzip, identity', 'GZIP', 'x'].map(
  (coding) => ({
    name: `a body said to be ${coding}`,
    init: withHeaders({ 'content-encoding': coding }),
    status: 415,
    code: 'unsupported_media_type',
  }),
);

const DOUBLES: readonly Attack[] = [
  {
    name: 'an option twice in the query',
    path: `${EMBED}?layer=fc6&layer=fc7`,
    init: picture,
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'an option twice in a form',
    init: form(['image', RED_PNG], ['layer', 'fc6'], ['layer', 'fc7']),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'an option in the query and in a form',
    path: `${EMBED}?layer=fc6`,
    init: form(['image', RED_PNG], ['layer', 'fc7']),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'an option in the query and in JSON',
    path: `${EMBED}?layer=fc6`,
    init: json(`{"input":"${image}","layer":"fc7"}`),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'an input in the query beside an image',
    path: `${EMBED}?input=a`,
    init: picture,
    status: 422,
    code: 'invalid_option',
  },
];

const NAMES: readonly Attack[] = [
  {
    name: '__proto__ in the query',
    path: `${EMBED}?__proto__={"layer":"fc6"}`,
    init: picture,
    status: 422,
    code: 'invalid_option',
  },
  {
    name: '__proto__ in JSON',
    init: json(`{"input":"${image}","__proto__":{"layer":"fc6"}}`),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: '__proto__ in a crop',
    init: json(`{"input":{"image":"${image}","crop":{"__proto__":1}}}`),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: '__proto__ in a filter, where everything would match',
    path: '/v1/indexes/colours/search',
    init: json('{"id":"red","filter":{"__proto__":1}}'),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: '__proto__ in metadata, where it would be lost',
    path: '/v1/indexes/colours/items',
    init: json(`{"items":[{"id":"a","image":"${image}","metadata":{"\\u005f_proto__":{"x":1}}}]}`),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: '__proto__ in a form',
    init: form(['image', RED_PNG], ['__proto__', '{"layer":"fc6"}']),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'constructor in JSON',
    init: json(`{"input":"${image}","constructor":{"prototype":{}}}`),
    status: 422,
    code: 'invalid_option',
  },
  {
    name: 'a model that is a path',
    init: json(`{"input":"${image}","model":"../../etc/passwd"}`),
    status: 404,
    code: 'not_found',
  },
  {
    name: 'an index that is a path',
    path: '/v1/indexes/..%2f..%2fetc',
    init: {},
    status: 404,
    code: 'not_found',
  },
  { name: 'an index that is a zero byte', path: '/v1/indexes/%00', init: {}, status: 404, code: 'not_found' },
  {
    name: 'a name cut within its encoding',
    path: '/v1/models/%E0%A4%A',
    init: {},
    status: 404,
    code: 'not_found',
  },
  {
    name: 'a stored answer by a pattern',
    path: '/v1/embeddings/*',
    init: {},
    status: 404,
    code: 'not_found',
  },
  {
    name: 'a stored answer that nobody has, said to be known',
    path: `${EMBED}/${'0'.repeat(64)}`,
    init: { headers: { 'if-none-match': `"${'0'.repeat(64)}"` } },
    status: 404,
    code: 'not_found',
  },
  {
    name: 'a stored answer that nobody has, of which anything is known',
    path: `${EMBED}/${'0'.repeat(64)}`,
    init: { headers: { 'if-none-match': '*' } },
    status: 404,
    code: 'not_found',
  },
  { name: 'a file of ours', path: '/web/..%2f..%2fpackage.json', init: {}, status: 404, code: 'not_found' },
];

const LIES: readonly Attack[] = [
  {
    name: 'an image called JSON',
    init: { ...picture, headers: { 'content-type': 'application/json' } },
    status: 400,
    code: 'invalid_json',
  },
  {
    name: 'JSON called an image',
    init: withHeaders({}, json(`{"input":"${image}"}`)),
    status: 415,
    code: 'unsupported_image',
  },
  {
    name: 'SVG with a script',
    init: withHeaders(
      {},
      { ...picture, body: '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>' },
    ),
    status: 415,
    code: 'unsupported_image',
  },
  {
    name: 'HTML with the first bytes of a PNG',
    init: withHeaders(
      {},
      {
        ...picture,
        body: new Uint8Array([...RED_PNG.subarray(0, 8), ...new TextEncoder().encode('<script>')]),
      },
    ),
    status: 422,
    code: 'invalid_image',
  },
  {
    name: 'a file of the server',
    init: json('{"input":"file:///etc/passwd"}'),
    status: 422,
    code: 'url_not_allowed',
  },
  {
    name: 'a data URI of HTML',
    init: json(`{"input":"data:text/html;base64,${btoa('<script>')}"}`),
    status: 415,
    code: 'unsupported_image',
  },
  {
    name: 'another method by header',
    init: withHeaders({ 'x-http-method-override': 'DELETE' }, { ...picture, body: 'x' }),
    status: 415,
    code: 'unsupported_image',
  },
  {
    name: 'a method of WebDAV',
    path: '/livez',
    init: { method: 'PROPFIND' },
    status: 405,
    code: 'method_not_allowed',
  },
];

/** By who is asked, where there are no keys: only somebody on this machine may. */
const STRANGERS: readonly Attack[] = [
  ['a name that leads here (DNS rebinding)', 'http://evil.example/v1/models', {}],
  ['an address that looks like ours', 'http://127.0.0.1.evil.example/v1/models', {}],
  ['a request that a proxy passes on', 'http://localhost/v1/models', { 'x-forwarded-for': '203.0.113.7' }],
  [
    'a request that a proxy passes on, by RFC 7239',
    'http://localhost/v1/models',
    { forwarded: 'for=203.0.113.7' },
  ],
  ['the page of a stranger', 'http://localhost/v1/models', { origin: 'https://evil.example' }],
  ['a sandboxed page', 'http://localhost/v1/models', { origin: 'null' }],
  ['an image tag of a stranger', 'http://localhost/v1/models', { 'sec-fetch-site': 'cross-site' }],
].map(([name, path, headers]) => ({
  name: String(name),
  path: String(path),
  init: { headers: headers as Record<string, string> },
  status: 401,
  code: 'unauthorized',
}));

const ATTACKS: Readonly<Record<string, readonly Attack[]>> = {
  nesting: NESTING,
  size: SIZES,
  'compressed bodies': COMPRESSED,
  'options said twice': DOUBLES,
  names: NAMES,
  lies: LIES,
  strangers: STRANGERS,
};

export function testApiAttacks(decoder: ImageDecoder): void {
  let app: ApiApp;
  let reported: readonly unknown[] = [];
  beforeAll(async () => {
    ({ app, reported } = await createFixture(decoder, {
      dependencies: { indexes: await seededIndexes() },
    }));
  });

  describe.each(Object.entries(ATTACKS))('attacks: %s', (_, attacks) => {
    test.each(attacks)('$name → $status $code', async ({ path = EMBED, init, status, code }) => {
      const response = await app.request(path, init);
      const text = await response.text();
      const { error } = JSON.parse(text) as ErrorAnswer;
      expect([response.status, error.code]).toEqual([status, code]);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      // What was sent is not sent back at length, and where things lie is not told.
      expect(text.length).toBeLessThan(2000);
      expect(text).not.toMatch(/\/(?:work|home|app|usr)\/|node_modules|\bat .+:\d+:\d+/);
      expect(reported).toEqual([]);
      expect((await app.request(EMBED, picture)).status).toBe(200);
    });
  });
}
