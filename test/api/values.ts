// The HTTP contract over an engine whose numbers are known: forms of answers, crops, dimensions, likeness.
// Run in every runtime, with its own decoders.

import { describe, expect, test } from 'vitest';
import { decodeNpy } from '../../core/npy.ts';
import type { ImageDecoder } from '../../core/ports.ts';
import type { ErrorAnswer } from '../../worker/schemas/answer.ts';
import type { SimilarityAnswer } from '../../worker/schemas/similarity.ts';
import { filesOf, MODEL_ID } from './fixture.ts';
import { base64 } from './images.ts';
import { blue, clientOf, photo, red } from './known-client.ts';
import { files, fittedToOther } from './projected-files.ts';
import { testStoredAnswers } from './stored-answers.ts';
import { testSurroundings } from './surroundings.ts';

export function testApiValues(decoder: ImageDecoder): void {
  const client = clientOf(decoder);
  testStoredAnswers(client);
  testSurroundings(client);

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

    test('bytes are refused when an image of the list failed, by its place: rows have no numbers', async () => {
      const { post } = await client();
      const response = await post(
        '/v1/embeddings',
        { input: [base64(red), 'AAAA'] },
        { accept: 'application/x-npy' },
      );
      expect(response.status).toBe(415);
      expect(await response.json()).toMatchObject({
        error: { code: 'unsupported_image' },
        errors: [{ index: 1, error: { code: 'unsupported_image' } }],
      });
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

  describe('what is wrong is named, with what was found', () => {
    const box = { left: 0, top: 0, width: 4, height: 4 };
    const image = base64(red);
    test.each<[object, string, string]>([
      [
        { input: image, crop: { ...box, width: 'abc' } },
        'crop.width',
        'number for crop.width but found "abc"',
      ],
      [{ input: image, crop: { ...box, width: 0 } }, 'crop.width', 'more than 0 for crop.width but found 0'],
      [{ input: image, crop: { ...box, depth: 1 } }, 'crop.depth', "no 'crop.depth'"],
      [{ input: image, crop: 7 }, 'crop', 'object for crop but found 7'],
      [{ input: image, foo: 1 }, 'foo', "crop, model, user but found 'foo'"],
      [
        { input: [{ image, crop: { ...box, left: -1 } }] },
        'input[0].crop.left',
        'at least 0 for input[0].crop.left',
      ],
      [{ input: { image, box } }, 'input.box', "no 'input.box'"],
      [{ input: { crop: box } }, 'input.image', 'string for input.image but found nothing'],
      [{ input: [[image]] }, 'input[0]', 'but found a list'],
      [{ input: image, dimensions: 25_088 }, 'dimensions', 'no value for dimensions'],
    ])('%j', async (body, param, message) => {
      const { post } = await client();
      const response = await post('/v1/embeddings', body);
      expect(response.status).toBe(422);
      const { error } = (await response.json()) as ErrorAnswer;
      expect(error.param).toBe(param);
      expect(error.message).toContain(message);
    });

    test('more classes than there are, whatever their number', async () => {
      const { post } = await client();
      const response = await post('/v1/classify', { input: image, top_k: 5000 });
      expect([response.status, await response.text()]).toEqual([
        422,
        expect.stringContaining('1 to 3 for top_k'),
      ]);
    });

    test.each([
      ['user=42', 200],
      ['user=true', 200],
      ['user={"a":1}', 200],
      ['model=42', 404],
      ['normalize=false&dimensions=196', 200],
      ['dimensions=abc', 422],
    ])('text stays text where text is asked for: %s is %i', async (query, status) => {
      const { app } = await client();
      const headers = { 'content-type': 'image/png' };
      const init = { method: 'POST', headers, body: new Uint8Array(red) };
      expect((await app.request(`/v1/embeddings?${query}`, init)).status).toBe(status);
      const form = new FormData();
      form.append('image', new Blob([new Uint8Array(red)]), 'red.png');
      for (const [name, value] of new URLSearchParams(query)) form.append(name, value);
      expect((await app.request('/v1/embeddings', { method: 'POST', body: form })).status).toBe(status);
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
}
