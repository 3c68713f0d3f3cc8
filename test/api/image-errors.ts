// Every error of the API: status, code, the parameter it is about, and words that say what to do. Over the
// default model, in every runtime.

import { describe, expect, test } from 'vitest';
import { SourceError } from '../../core/errors.ts';
import type { ModelFiles } from '../../core/ports.ts';
import { errorAnswer } from '../../worker/schemas/answer.ts';
import { base64 } from './images.ts';
import type { ModelFixture, RequestBody } from './model-fixture.ts';

const ZEROS = new Uint8Array(50_000);

export function testImageErrors({ client, files: modelFiles, pictures, serve, testApp }: ModelFixture): void {
  const { jpeg, gif, huge, truncated } = pictures;
  const jpegUri = `data:image/jpeg;base64,${base64(jpeg)}`;
  const { raw, json, form, app } = client({ limits: { maxBodyBytes: 200_000, maxImages: 3 } });

  const post = (path: string, body: RequestBody, type: string) =>
    app.request(path, { method: 'POST', body, headers: { 'content-type': type } });

  type Case = [string, number, string, string | null, () => Response | Promise<Response>];

  const embed = (body: unknown) => () => json('/v1/embeddings', body);
  const blob = new Blob([jpeg]);

  describe.each<Case>([
    ['a truncated jpeg', 422, 'invalid_image', null, () => raw('/v1/embeddings', truncated)],
    ['a file of zeros', 415, 'unsupported_image', null, () => raw('/v1/embeddings', ZEROS)],
    ['a gif', 415, 'unsupported_image', null, () => raw('/v1/embeddings', gif)],
    ['65535 × 65535 pixels', 413, 'image_too_large', null, () => raw('/v1/embeddings', huge)],
    ['an empty body', 400, 'bad_request', null, () => raw('/v1/embeddings', null)],
    ['a body too large', 413, 'body_too_large', null, () => raw('/v1/embeddings', new Uint8Array(200_001))],
    [
      'a declared length too large',
      413,
      'body_too_large',
      null,
      () => raw('/v1/embeddings', jpeg, { 'content-length': '200001' }),
    ],
    [
      'base64 of an image too large',
      413,
      'image_too_large',
      'input',
      () => client({ limits: { maxImageBytes: 20_000 } }).json('/v1/embeddings', { input: base64(jpeg) }),
    ],
    [
      'no content type that holds images',
      415,
      'unsupported_media_type',
      'content-type',
      () => post('/v1/embeddings', jpeg, 'application/x-www-form-urlencoded'),
    ],
    ['JSON that is none', 400, 'invalid_json', null, embed('{"input":')],
    ['JSON that is no object', 400, 'invalid_json', null, embed('["x"]')],
    [
      'JSON that is not UTF-8',
      400,
      'invalid_json',
      null,
      () => post('/v1/embeddings', Uint8Array.of(123, 255, 125), 'application/json'),
    ],
    ['no input', 422, 'invalid_option', 'input', embed({})],
    ['an empty list', 422, 'invalid_option', 'input', embed({ input: [] })],
    ['a list too long', 422, 'invalid_option', 'input', embed({ input: ['', '', '', ''] })],
    ['text for an image', 422, 'invalid_option', 'input', embed({ input: 'a photo of a cat' })],
    ['a number for an image', 422, 'invalid_option', 'input', embed({ input: 7 })],
    ['a data URI without base64', 422, 'invalid_option', 'input', embed({ input: 'data:image/png,abc' })],
    ['a URL', 422, 'url_not_allowed', 'input', embed({ input: 'https://example.com/cat.jpg' })],
    ['an unknown option', 422, 'invalid_option', 'size', embed({ input: jpegUri, size: 3 })],
    ['an unknown layer', 422, 'invalid_option', 'layer', embed({ input: jpegUri, layer: 'fc9' })],
    [
      'an option of another type',
      422,
      'invalid_option',
      'normalize',
      embed({ input: jpegUri, normalize: 'yes' }),
    ],
    [
      'pooling of a layer that is no map',
      422,
      'invalid_option',
      'pool',
      embed({ input: jpegUri, layer: 'fc6', pool: 'avg' }),
    ],
    ['other dimensions', 422, 'invalid_option', 'dimensions', embed({ input: jpegUri, dimensions: 256 })],
    [
      'an unknown model',
      404,
      'not_found',
      'model',
      embed({ input: jpegUri, model: 'text-embedding-3-small' }),
    ],
    [
      'more classes than there are',
      422,
      'invalid_option',
      'top_k',
      () => raw('/v1/classify?top_k=1001', jpeg),
    ],
    ['no classes', 422, 'invalid_option', 'top_k', () => raw('/v1/classify?top_k=0', jpeg)],
    [
      'a form that is none',
      400,
      'bad_request',
      null,
      () => post('/v1/embeddings', 'x', 'multipart/form-data; boundary=y'),
    ],
    [
      'a form without an image',
      422,
      'invalid_option',
      'image',
      () => form('/v1/embeddings', [['pool', 'avg']]),
    ],
    [
      'a form with text for an image',
      422,
      'invalid_option',
      'image',
      () => form('/v1/embeddings', [['image', 'cat']]),
    ],
    [
      'a form with a file elsewhere',
      422,
      'invalid_option',
      'file',
      () => form('/v1/embeddings', [['file', blob]]),
    ],
    ['an unknown path', 404, 'not_found', null, () => app.request('/v1/unknown')],
    ['the model directory', 404, 'not_found', null, () => app.request('/default/model.json')],
    ['another method', 405, 'method_not_allowed', null, () => app.request('/v1/embeddings')],
  ])('%s', (_, status, code, param, ask) => {
    test(`is ${status} ${code}`, async () => {
      const response = await ask();
      const { error } = errorAnswer.parse(await response.json());
      expect([response.status, error.code, error.param]).toEqual([status, code, param]);
      expect(error.type).toBe('invalid_request_error');
      expect(error.message).toMatch(/[Ee]xpected|not supported|No /);
    });
  });

  test('405 says what is allowed', async () => {
    expect((await app.request('/v1/embeddings')).headers.get('allow')).toBe('POST');
    expect((await app.request('/livez', { method: 'DELETE' })).headers.get('allow')).toBe('GET, HEAD');
  });

  test('a body that does not arrive is 408, and its place is free again', async () => {
    const slow = client({ limits: { bodyTimeout: 50, maxRunning: 1, maxWaiting: 1 } });
    const endless = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(jpeg.slice(0, 100)),
    });
    const stalled = await slow.raw('/v1/embeddings', endless);
    expect(stalled.status).toBe(408);
    expect((await slow.raw('/v1/classify', jpeg)).status).toBe(200);
  });

  test('more than the queue holds is 503 with Retry-After, and no failure to report', async () => {
    const busy = client({ limits: { maxRunning: 1, maxWaiting: 1 } });
    const responses = await Promise.all([1, 2, 3].map(() => busy.raw('/v1/embeddings?pool=avg', jpeg)));
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 503]);
    expect(busy.reported).toEqual([]);
    expect(responses[2]?.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    const { error } = errorAnswer.parse(await responses[2]?.json());
    expect([error.code, error.type]).toEqual(['overloaded', 'server_error']);
  });

  describe('a model that does not load', () => {
    /** The files, with `interfere` in the way of one of them. */
    const interfering = (
      file: RegExp,
      interfere: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
    ): ModelFiles => ({
      ...modelFiles,
      open: async (name) => {
        const bytes = await modelFiles.open(name);
        return file.test(name) ? interfere(bytes) : bytes;
      },
    });

    test('is 503 with Retry-After when its files cannot be had, and loads when they can', async () => {
      let failures = 2;
      const files: ModelFiles = {
        ...modelFiles,
        open: (name) => {
          failures -= 1;
          if (failures >= 0) throw new SourceError('unreachable', `The asset ${name} could not be read.`);
          return modelFiles.open(name);
        },
      };
      const { raw: ask, reported } = client({ model: serve({ files }) });
      const statuses = [];
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const response = await ask('/v1/embeddings?pool=avg', jpeg);
        statuses.push(response.status);
        if (response.status === 503) expect(response.headers.get('retry-after')).toBe('1');
      }
      expect(statuses).toEqual([503, 503, 200]);
      expect(reported).toHaveLength(2);
    });

    test('is 503 when a shard is damaged, and says which', async () => {
      const files = interfering(/^weights-00001/, async function* (bytes) {
        for await (const chunk of bytes) yield chunk.map((byte) => byte ^ 1);
      });
      const { raw: ask, app: other, reported } = client({ model: serve({ files }) });
      for (const response of [await ask('/v1/embeddings', jpeg), await other.request('/readyz')]) {
        expect(response.status).toBe(503);
        const { error } = errorAnswer.parse(await response.json());
        expect(error).toMatchObject({ code: 'corrupt_shard', type: 'server_error' });
        expect(error.param).toMatch(/^weights-00001-of-\d{5}\.bin$/);
      }
      expect(reported).toHaveLength(2);
      expect((await other.request('/livez')).status).toBe(200);
    });

    test('is 503 when its manifest is none', async () => {
      const files = interfering(/^model\.json$/, async function* () {
        yield new TextEncoder().encode('{}');
      });
      const response = await testApp({ model: serve({ files }) }).app.request('/v1/models');
      expect(response.status).toBe(503);
      expect(errorAnswer.parse(await response.json()).error.code).toBe('invalid_manifest');
    });

    test('what nobody foresaw is 500 without its message, which only the operator sees', async () => {
      const { app: broken, reported } = testApp({
        model: () => Promise.reject(new TypeError('a secret')),
      });
      const response = await broken.request('/v1/models');
      expect(response.status).toBe(500);
      const text = await response.text();
      expect(text).toContain('internal_error');
      expect(text).not.toContain('secret');
      expect(reported).toHaveLength(1);
    });
  });
}
