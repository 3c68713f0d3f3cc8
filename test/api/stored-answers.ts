// Stored answers: what is computed once, what is told by tags, what is never stored.

import { describe, expect, test } from 'vitest';
import { memoryAnswerCache } from '../../worker/answer-cache.ts';
import { type FixtureOptions, knownEngine } from './fixture.ts';
import { base64 } from './images.ts';
import { blue, type Client, photo, red } from './known-client.ts';
import { files, refitted } from './projected-files.ts';

export function testStoredAnswers(client: Client): void {
  describe('stored answers', () => {
    async function cached() {
      let runs = 0;
      const engine = knownEngine(() => {
        runs += 1;
      });
      const { app, post } = await client({ engine, dependencies: { answers: memoryAnswerCache(1_000_000) } });
      return { app, post, runs: () => runs };
    }
    const request = { input: base64(red), layer: 'fc6' };

    test('the same image, options and model are computed once', async () => {
      const { post, runs } = await cached();
      const first = await post('/v1/embeddings', request);
      const second = await post('/v1/embeddings', { ...request, user: 'somebody else' });
      expect([first, second].map((response) => response.headers.get('x-cache'))).toEqual(['miss', 'hit']);
      expect(await second.text()).toBe(await first.text());
      expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
      expect(runs()).toBe(1);
    });

    test('however the image came', async () => {
      const { app, post, runs } = await cached();
      const etag = (await post('/v1/embeddings', request)).headers.get('etag');
      const raw = await app.request('/v1/embeddings?layer=fc6', {
        method: 'POST',
        headers: { 'content-type': 'image/png' },
        body: new Uint8Array(red),
      });
      expect(raw.headers.get('etag')).toBe(etag);
      expect(raw.headers.get('x-cache')).toBe('hit');
      expect(runs()).toBe(1);
    });

    test.each<[string, object, Record<string, string>]>([
      ['another image', { ...request, input: base64(blue) }, {}],
      ['another option', { ...request, normalize: false }, {}],
      ['a crop', { ...request, crop: { left: 0, top: 0, width: 4, height: 4 } }, {}],
      ['another form', request, { accept: 'application/x-npy' }],
      ['a list of two', { ...request, input: [base64(red), base64(red)] }, {}],
    ])('%s is another answer', async (_, body, headers) => {
      const { post } = await cached();
      const etag = (await post('/v1/embeddings', request)).headers.get('etag');
      const other = await post('/v1/embeddings', body, headers);
      expect(other.headers.get('etag')).not.toBe(etag);
      expect(other.headers.get('x-cache')).toBe('miss');
    });

    test.each<[string, string, FixtureOptions]>([
      ['a projection fitted anew', '/v1/embeddings', { files: refitted }],
      ['a projection fitted anew', '/v1/similarity', { files: refitted }],
      ['another engine', '/v1/embeddings', { engine: { ...knownEngine(), name: 'other' } }],
      ['another precision', '/v1/classify', { engine: { ...knownEngine(), precision: 'int8' } }],
    ])('%s makes another answer of %s', async (_, path, changed) => {
      const dependencies = { answers: memoryAnswerCache(1_000_000) };
      const before = await client({ files, dependencies });
      const after = await client({ files, dependencies, ...changed });
      const body =
        path === '/v1/classify' ? { input: photo } : { input: [photo, photo], layer: 'fc6', dimensions: 2 };
      const etag = (await before.post(path, body)).headers.get('etag') ?? '';
      const response = await after.post(path, body, { 'if-none-match': etag });
      expect([response.status, response.headers.get('x-cache')]).toEqual([200, 'miss']);
      expect(response.headers.get('etag')).not.toBe(etag);
    });

    test('who has it already is told so, before anything is computed', async () => {
      const { post } = await cached();
      const etag = (await post('/v1/embeddings', request)).headers.get('etag') ?? '';
      const fresh = await cached();
      const response = await fresh.post('/v1/embeddings', request, { 'if-none-match': `"x", ${etag}` });
      expect([response.status, await response.text()]).toEqual([304, '']);
      expect(fresh.runs()).toBe(0);
    });

    test('* names what is stored, and so nothing before it is', async () => {
      const { post, runs } = await cached();
      const known = { 'if-none-match': '*' };
      expect((await post('/v1/embeddings', request, known)).status).toBe(200);
      expect((await post('/v1/embeddings', request, known)).status).toBe(304);
      expect(runs()).toBe(1);
    });

    test('a failure has no name', async () => {
      const { post } = await cached();
      const response = await post('/v1/embeddings', { ...request, dimensions: 3 });
      expect([response.status, response.headers.get('etag')]).toEqual([422, null]);
    });

    test('an answer can be fetched by its name', async () => {
      const { app, post } = await cached();
      const first = await post('/v1/embeddings', request, { accept: 'application/x-npy' });
      const etag = first.headers.get('etag') ?? '';
      const path = `/v1/embeddings/${etag.replaceAll('"', '')}`;
      const again = await app.request(path);
      expect(again.headers.get('x-shape')).toBe('1, 8');
      expect(new Uint8Array(await again.arrayBuffer())).toEqual(new Uint8Array(await first.arrayBuffer()));
      expect((await app.request(path, { headers: { 'if-none-match': etag } })).status).toBe(304);
      expect((await app.request(`/v1/embeddings/${'0'.repeat(64)}`)).status).toBe(404);
      expect((await app.request('/v1/embeddings/anything')).status).toBe(404);
    });

    test('an answer with a failed item is not kept and has no name', async () => {
      const { post } = await cached();
      const body = { ...request, input: [base64(red), 'AAAA'] };
      for (let round = 0; round < 2; round += 1) {
        const response = await post('/v1/embeddings', body);
        expect(response.status).toBe(200);
        expect(response.headers.get('etag')).toBe(null);
        expect(response.headers.get('x-cache')).not.toBe('hit');
      }
    });
  });
}
