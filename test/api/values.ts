// The HTTP contract over an engine whose numbers are known: forms of answers, stored answers, URLs, CORS.
// Run in every runtime, with its own decoders.

import { describe, expect, test } from 'vitest';
import { decodeNpy } from '../../core/npy.ts';
import type { ImageDecoder, ModelFiles } from '../../core/ports.ts';
import { writeProjection } from '../../core/projection.ts';
import { parseUrlPolicy } from '../../net/url-policy.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { memoryAnswerCache, sha256Hex } from '../../worker/answer-cache.ts';
import type { EmbeddingsAnswer } from '../../worker/schemas/embeddings.ts';
import type { SimilarityAnswer } from '../../worker/schemas/similarity.ts';
import { access, secret } from './failures.ts';
import { createFixture, type FixtureOptions, filesOf, knownEngine, MODEL_ID } from './fixture.ts';
import { base64 } from './images.ts';
import { BLUE, halves, imageOf, RED } from './png.ts';
import { ROUTES } from './requests.ts';

const red = imageOf(RED);
const blue = imageOf(BLUE);
/** Node asks for it where the body is a stream; the Workers' types do not know it. */
const STREAMED = { duplex: 'half' } as const;

const photo = base64(halves(RED, BLUE));

/** From 8 values the fourth and the seventh. */
const projection = writeProjection({
  mean: new Float32Array(8),
  matrix: Float32Array.from({ length: 16 }, (_, i) => Number(i === 3 || i === 14)),
});
/** A model directory with one projection, of fc6. */
async function projectedFiles(content = projection, model = MODEL_ID): Promise<ModelFiles> {
  const entry = {
    layer: 'fc6',
    pool: 'none',
    inputs: 8,
    dimensions: 2,
    file: 'projection-fc6-none-2.bin',
    bytes: content.length,
    sha256: await sha256Hex(content),
    images: 100,
    explainedVariance: 0.5,
  };
  const list = { format: 'vgg-edge-projections', formatVersion: 1, model, projections: [entry] };
  return filesOf({ 'projections.json': JSON.stringify(list), [entry.file]: content });
}

const files = await projectedFiles();
const fittedToOther = await projectedFiles(projection, 'other@0');
const refitted = await projectedFiles(
  writeProjection({ mean: new Float32Array(8), matrix: new Float32Array(16).fill(1) }),
);

export function testApiValues(decoder: ImageDecoder): void {
  /** Posts JSON and gives the response; `headers` beside the content type. */
  async function client(options: FixtureOptions = {}) {
    const { app, reported } = await createFixture(decoder, options);
    const post = async (path: string, body: object, headers: Record<string, string> = {}) =>
      app.request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    const embed = async (body: object) =>
      (await (await post('/v1/embeddings', body)).json()) as EmbeddingsAnswer;
    return { app, post, embed, reported };
  }

  describe('the forms of a vector', () => {
    const request = { input: base64(red), layer: 'fc6', normalize: false };

    test.each<[object, unknown, number | undefined]>([
      [{}, [1, 0, 0, 4, 0, 0, 7, 0], undefined],
      [
        { encoding_format: 'base64' },
        base64(new Uint8Array(Float32Array.of(1, 0, 0, 4, 0, 0, 7, 0).buffer)),
        undefined,
      ],
      [{ dtype: 'int8' }, [18, 0, 0, 73, 0, 0, 127, 0], 7 / 127],
      [
        { dtype: 'int8', encoding_format: 'base64' },
        base64(new Uint8Array([18, 0, 0, 73, 0, 0, 127, 0])),
        7 / 127,
      ],
      [{ dtype: 'binary' }, [0b00010010], undefined],
      [{ dtype: 'binary', encoding_format: 'base64' }, base64(new Uint8Array([0b00010010])), undefined],
    ])('%o', async (options, embedding, scale) => {
      const { embed } = await client();
      const { data } = await embed({ ...request, ...options });
      expect(data[0]?.embedding).toEqual(embedding);
      if (scale === undefined) expect(data[0]).not.toHaveProperty('scale');
      else expect(data[0]?.scale).toBeCloseTo(scale, 10);
    });

    test.each([
      ['application/octet-stream', 'float32', '2, 8', 64],
      ['application/octet-stream', 'int8', '2, 8', 16],
      ['application/octet-stream', 'binary', '2, 1', 2],
      ['application/x-npy', 'float32', '2, 8', 64],
      ['application/x-npy', 'int8', '2, 8', 16],
      ['application/x-npy', 'binary', '2, 1', 2],
    ])('Accept: %s with dtype %s', async (accept, dtype, shape, bytes) => {
      const { post } = await client();
      const response = await post(
        '/v1/embeddings',
        { ...request, input: [base64(red), base64(blue)], dtype },
        { accept },
      );
      expect(response.headers.get('content-type')).toBe(accept);
      expect(response.headers.get('x-shape')).toBe(shape);
      expect(response.headers.get('x-model-id')).toBe(MODEL_ID);
      const body = new Uint8Array(await response.arrayBuffer());
      const data = accept === 'application/x-npy' ? decodeNpy(body).data : body;
      expect(data).toHaveLength(bytes);
      if (dtype === 'float32')
        expect([...new Float32Array(data.slice().buffer)].slice(0, 8)).toEqual([1, 0, 0, 4, 0, 0, 7, 0]);
      if (dtype === 'int8') {
        const scales = response.headers.get('x-scales')?.split(', ').map(Number);
        expect(scales?.[0]).toBeCloseTo(7 / 127, 10);
        expect(scales?.[1]).toBeCloseTo(6 / 127, 10);
      }
    });

    test('bytes are refused when an image of the list failed: rows have no numbers', async () => {
      const { post } = await client();
      const response = await post(
        '/v1/embeddings',
        { input: [base64(red), 'AAAA'] },
        { accept: 'application/x-npy' },
      );
      expect([415, 422]).toContain(response.status);
    });
  });

  describe('crop boxes', () => {
    const request = { layer: 'scores', normalize: false };

    test.each([
      [{ unit: 'pixels', left: 0, top: 0, width: 8, height: 8 }, [10, 0, 0]],
      [{ left: 8, top: 0, width: 8, height: 8 }, [0, 0, 10]],
      [{ unit: 'fractions', left: 0.5, top: 0, width: 0.5, height: 1 }, [0, 0, 10]],
    ])('%o', async (crop, scores) => {
      const { embed } = await client();
      expect((await embed({ ...request, input: photo, crop })).data[0]?.embedding).toEqual(scores);
      expect((await embed({ ...request, input: { image: photo, crop } })).data[0]?.embedding).toEqual(scores);
    });

    test('a box outside the image fails that image alone', async () => {
      const { embed } = await client();
      const crop = { left: 100, top: 0, width: 1, height: 1 };
      const { data, errors } = await embed({ ...request, input: [{ image: photo, crop }, photo] });
      expect(data.map(({ index }) => index)).toEqual([1]);
      expect(errors).toMatchObject([{ index: 0, error: { code: 'invalid_option', param: 'crop' } }]);
    });
  });

  describe('dimensions', () => {
    const request = { input: base64(red), layer: 'fc6' };

    test('come from the fitted projection, whose identity is in the answer', async () => {
      const { embed } = await client({ files });
      const answer = await embed({ ...request, dimensions: 2 });
      expect(answer.dimensions).toBe(2);
      expect(answer.projection).toMatch(/^fc6-none-2@[0-9a-f]{12}$/);
      const [a, b] = answer.data[0]?.embedding ?? [];
      expect(a).toBeCloseTo(4 / Math.hypot(4, 7), 6);
      expect(b).toBeCloseTo(7 / Math.hypot(4, 7), 6);
    });

    test('name it in a header where the answer is a file', async () => {
      const { embed, post } = await client({ files });
      const { projection: id } = await embed({ ...request, dimensions: 2 });
      const accept = { accept: 'application/x-npy' };
      const file = await post('/v1/embeddings', { ...request, dimensions: 2 }, accept);
      expect(file.headers.get('x-projection')).toBe(id);
      const plain = await post('/v1/embeddings', request, accept);
      expect(plain.headers.get('x-projection')).toBe(null);
    });

    test.each([
      ['never a slice', { dimensions: 4 }, files, 422, 'Expected one of 2 for dimensions'],
      ['of another layer', { dimensions: 2, layer: 'fc7' }, files, 422, 'Expected no value for dimensions'],
      ['of a model that has none', { dimensions: 2 }, filesOf({}), 422, 'Expected no value for dimensions'],
      ['fitted to another model', { dimensions: 2 }, fittedToOther, 503, 'Expected model'],
      ['the whole length is no projection', { dimensions: 8 }, filesOf({}), 200, ''],
    ] as const)('%s', async (_, options, served, status, message) => {
      const { post } = await client({ files: served });
      const response = await post('/v1/embeddings', { ...request, ...options });
      expect(response.status).toBe(status);
      expect(await response.text()).toContain(message);
    });

    test('GET /v1/models lists them', async () => {
      const { app } = await client({ files });
      const models = await (await app.request('/v1/models')).json();
      expect(models).toMatchObject({
        data: [{ projections: [{ layer: 'fc6', pool: 'none', dimensions: 2 }] }],
      });
    });
  });

  describe('POST /v1/similarity', () => {
    const compare = async (body: object) => {
      const { post } = await client();
      const response = await post('/v1/similarity', body);
      return { status: response.status, answer: (await response.json()) as SimilarityAnswer };
    };

    test('is a matrix of cosines', async () => {
      const { answer } = await compare({ input: [red, blue, red].map(base64) });
      const [[aa, ab, ac] = []] = answer.matrix;
      expect(aa).toBeCloseTo(1, 6);
      expect(ab).toBeCloseTo(0, 6);
      expect(ac).toBeCloseTo(1, 6);
    });

    test('has null where an image failed', async () => {
      const { answer } = await compare({ input: [base64(red), 'AAAA', base64(red)] });
      expect(answer.matrix[1]).toEqual([null, null, null]);
      expect(answer.matrix[0]?.[1]).toBe(null);
      expect(answer.errors).toMatchObject([{ index: 1 }]);
    });

    test('tells which of the 7×7 cells of a pair answer each other', async () => {
      const { answer } = await compare({ input: [red, red].map(base64), regions: true, layer: 'fc6' });
      expect(answer.regions).toHaveLength(49);
      expect(answer.regions?.[0]).toMatchObject({ from: [0, 0], score: expect.closeTo(1, 5) });
    });

    test.each([
      ['one image', [red], {}],
      ['regions of three', [red, red, red], { regions: true }],
    ])('%s: refused', async (_, images, options) => {
      const { status } = await compare({ input: images.map(base64), ...options });
      expect(status).toBe(422);
    });
  });

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
