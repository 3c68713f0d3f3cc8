// What lies outside of an answer: image URLs, pages of other origins, metrics.

import { describe, expect, test } from 'vitest';
import { parseUrlPolicy } from '../../net/url-policy.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { memoryAnswerCache } from '../../worker/answer-cache.ts';
import { access, secret } from './failures.ts';
import { base64 } from './images.ts';
import { type Client, red } from './known-client.ts';
import { ROUTES } from './requests.ts';

/** Node asks for it where the body is a stream; the Workers' types do not know it. */
const STREAMED = { duplex: 'half' } as const;

export function testSurroundings(client: Client): void {
  describe('image URLs', () => {
    const urlImages = {
      policy: parseUrlPolicy('images.example.org'),
      fetch: async (url: URL) =>
        new Response(url.pathname === '/red.png' ? new Uint8Array(red) : null, {
          status: url.pathname === '/red.png' ? 200 : 404,
        }),
      limits: { maxBytes: 10_000, timeout: 1000, maxRedirects: 3 },
    };
    const request = { input: 'https://images.example.org/red.png', layer: 'scores', normalize: false };

    test('are refused where none are allowed', async () => {
      const { post } = await client();
      const response = await post('/v1/embeddings', request);
      expect(response.status).toBe(422);
      expect(await response.json()).toMatchObject({ error: { code: 'url_not_allowed' } });
    });

    test('are fetched where their host is allowed', async () => {
      const { embed } = await client({ dependencies: { urlImages } });
      expect((await embed(request)).data[0]?.embedding).toEqual([10, 0, 0]);
    });

    test('fail alone within a list', async () => {
      const { embed } = await client({ dependencies: { urlImages } });
      const input = [
        'https://images.example.org/none.png',
        'https://127.0.0.1/',
        'file:///etc/passwd',
        request.input,
      ];
      const { data, errors } = await embed({ ...request, input });
      expect(data.map(({ index }) => index)).toEqual([3]);
      expect(errors?.map(({ error }) => error.code)).toEqual([
        'url_not_fetched',
        'url_not_allowed',
        'url_not_allowed',
      ]);
    });
  });

  describe('pages of other origins', () => {
    const preflight = {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example.org', 'access-control-request-method': 'POST' },
    };

    test('may not call the API', async () => {
      const { app } = await client();
      const response = await app.request('/v1/embeddings', preflight);
      expect(response.headers.get('access-control-allow-origin')).toBe(null);
    });

    const askFrom = (corsOrigins: string[], url: string, init: RequestInit = {}) =>
      client({ dependencies: { corsOrigins } }).then(({ app }) =>
        app.request(url, { ...init, headers: { origin: 'https://app.example.org', ...init.headers } }),
      );

    test('read errors too, and the headers that tell of an answer', async () => {
      const response = await askFrom(['https://app.example.org'], 'https://api.example.org/v1/models');
      expect(response.status).toBe(401);
      expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example.org');
      expect(response.headers.get('vary')).toMatch(/origin/i);
      const exposed = response.headers.get('access-control-expose-headers');
      for (const name of ['etag', 'retry-after', 'x-request-id', 'x-scales']) expect(exposed).toContain(name);
    });

    test.each([
      ['any, with credentials never', ['*'], 'https://api.example.org/livez', 200, '*'],
      ['any, but without keys none is answered', ['*'], 'http://localhost/v1/models', 401, '*'],
      [
        'one by name, without keys too',
        ['https://app.example.org'],
        'http://localhost/v1/models',
        200,
        'https://app.example.org',
      ],
      ['others', ['https://app.example.com'], 'https://api.example.org/livez', 200, null],
    ])('allowed: %s', async (_, origins, url, status, allowed) => {
      const response = await askFrom(origins, url);
      expect(response.status).toBe(status);
      expect(response.headers.get('access-control-allow-origin')).toBe(allowed);
      expect(response.headers.get('access-control-allow-credentials')).toBe(null);
    });

    test('may where they are allowed, without a key for the preflight', async () => {
      const { app } = await client({ dependencies: { corsOrigins: ['https://app.example.org'] } });
      const response = await app.request('https://api.example.org/v1/embeddings', preflight);
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example.org');
      const stranger = await app.request('/v1/embeddings', {
        ...preflight,
        headers: { ...preflight.headers, origin: 'https://evil.example.net' },
      });
      expect(stranger.headers.get('access-control-allow-origin')).toBe(null);
    });
  });

  test('metrics and the log see the work', async () => {
    const { app, post } = await client({ dependencies: { answers: memoryAnswerCache(1_000_000) } });
    await post('/v1/embeddings', { input: [base64(red), 'AAAA'] });
    const text = await (await app.request('/metrics')).text();
    expect(text).toContain('vgg_edge_stage_duration_seconds_count{stage="backbone"} 1');
    expect(text).toMatch(/vgg_edge_failures_total\{route="\/v1\/embeddings",code="\w+"\} 1/);
    expect(text).toMatch(/vgg_edge_image_bytes_total \d+/);
  });

  test('what callers declare is not counted, what is read is', async () => {
    const { app } = await client();
    const body = new Uint8Array(red);
    const stream = () => new Blob([body]).stream();
    await app.request('/livez', { headers: { 'content-length': '999999999999999' } });
    for (const sent of [body, stream()]) {
      const headers = { 'content-type': 'image/png' };
      const init = { method: 'POST', headers, body: sent, ...STREAMED };
      expect((await app.request('/v1/embeddings', init)).status).toBe(200);
    }
    const text = await (await app.request('/metrics')).text();
    expect(text).toContain(`\nhttp_request_body_bytes_total ${2 * red.length}\n`);
  });

  test('strangers without a key leave room in the metrics', async () => {
    const dependencies = { ...access(10_000, secret).dependencies, indexes: createMemoryStore() };
    const { app } = await client({ dependencies });
    for (const { path } of ROUTES) {
      for (const method of [
        'GET',
        'POST',
        'PUT',
        'DELETE',
        'PATCH',
        'OPTIONS',
        'PROPFIND',
        'LOCK',
        'MKCOL',
      ]) {
        await app.request(path, { method });
      }
    }
    const headers = { authorization: 'Bearer k' };
    const models = await app.request('/v1/models', { headers });
    expect(models.status).toBe(200);
    const text = await (await app.request('/metrics', { headers })).text();
    expect(text).toContain('http_requests_total{route="/v1/models",method="GET",status="200"} 1\n');
    expect(text).toContain('http_requests_total{route="/v1/models",method="other",status="401"} ');
  });
}
