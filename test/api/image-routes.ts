// The image routes over the default model: what comes in, what comes out. Run in every runtime.

import { describe, expect, test } from 'vitest';
import type { ErrorAnswer } from '../../worker/schemas/answer.ts';
import { analyzeAnswer, classifyAnswer } from '../../worker/schemas/classify.ts';
import { type EmbeddingsAnswer, embeddingsAnswer } from '../../worker/schemas/embeddings.ts';
import { base64 } from './images.ts';
import type { ModelFixture } from './model-fixture.ts';

const ZEROS = new Uint8Array(50_000);

export function testImageRoutes({ client, pictures }: ModelFixture): void {
  const { jpeg, png, webp, onePixel, truncated } = pictures;
  const jpegUri = `data:image/jpeg;base64,${base64(jpeg)}`;
  const { raw, json, form } = client();

  const floats = (embedding: number[] | string | undefined): Float32Array => {
    if (typeof embedding !== 'string') return Float32Array.from(embedding ?? []);
    return new Float32Array(Uint8Array.from(atob(embedding), (byte) => byte.charCodeAt(0)).buffer);
  };

  const embeddingsOf = async (response: Response | Promise<Response>): Promise<EmbeddingsAnswer> => {
    const answer = await (await response).json();
    return embeddingsAnswer.parse(answer);
  };

  describe('POST /v1/embeddings', () => {
    test.each([
      ['JPEG', jpeg],
      ['PNG', png],
      ['WebP', webp],
      ['1×1', onePixel],
    ])('a %s gives 25088 features of length 1', async (_, image) => {
      const response = await raw('/v1/embeddings', image);
      expect(response.status).toBe(200);
      const answer = await embeddingsOf(response.clone());
      const vector = floats(answer.data[0]?.embedding);
      expect(vector).toHaveLength(25088);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      expect(response.headers.get('x-model-id')).toBe(answer.model);
      expect(response.headers.get('server-timing')).toMatch(
        /decode;dur=[\d.]+, preprocess;dur=[\d.]+, backbone;dur=[\d.]+, head;dur=/,
      );
    });

    test('the same image gives the same vector, whichever way it comes in and goes out', async () => {
      const blob = new Blob([jpeg]);
      const answers = await Promise.all([
        embeddingsOf(raw('/v1/embeddings', jpeg)),
        embeddingsOf(raw('/v1/embeddings?encoding_format=base64', jpeg)),
        embeddingsOf(raw('/v1/embeddings', jpeg, { 'content-type': 'application/octet-stream' })),
        embeddingsOf(form('/v1/embeddings', [['image', blob]])),
        embeddingsOf(
          form('/v1/embeddings', [
            ['image', blob],
            ['encoding_format', 'base64'],
          ]),
        ),
        embeddingsOf(json('/v1/embeddings', { input: jpegUri })),
        embeddingsOf(json('/v1/embeddings', { input: base64(jpeg), encoding_format: 'base64' })),
        embeddingsOf(json('/v1/embeddings', { input: [{ image: jpegUri }] })),
      ]);
      const [first, ...others] = answers.map(({ data }) => floats(data[0]?.embedding));
      for (const vector of others) expect(vector).toEqual(first);
    });

    test.each([
      [{}, 25088, true],
      [{ pool: 'avg' }, 512, true],
      [{ pool: 'gem', normalize: false }, 512, false],
      [{ pool: 'rmac' }, 512, true],
      [{ layer: 'fc6' }, 4096, true],
      [{ layer: 'fc7', normalize: false }, 4096, false],
      [{ layer: 'scores', normalize: false }, 1000, false],
      [{ pool: 'max', dimensions: 512 }, 512, true],
    ] as const)('%j gives %i values', async (options, dimensions, unit) => {
      const answer = await embeddingsOf(json('/v1/embeddings', { input: jpegUri, ...options }));
      const vector = floats(answer.data[0]?.embedding);
      expect(vector).toHaveLength(dimensions);
      expect(Math.abs(Math.hypot(...vector) - 1) < 1e-5).toBe(unit);
      expect(answer).toMatchObject({ dimensions, usage: { prompt_tokens: 0, total_tokens: 0 } });
    });

    test('a list answers in order; one bad item has its error and fails no other', async () => {
      const input = [
        jpegUri,
        base64(truncated),
        base64(png),
        'https://example.com/cat.jpg',
        null,
        base64(webp),
      ];
      const response = await json('/v1/embeddings', { input, pool: 'avg' });
      expect(response.status).toBe(200);
      const answer = await embeddingsOf(response);
      expect(answer.data.map(({ index }) => index)).toEqual([0, 2, 5]);
      expect(answer.errors?.map(({ index, error }) => [index, error.code, error.param])).toEqual([
        [1, 'invalid_image', null],
        [3, 'url_not_allowed', 'input[3]'],
        [4, 'invalid_option', 'input[4]'],
      ]);
      const alone = await embeddingsOf(raw('/v1/embeddings?pool=avg', png));
      expect(answer.data[1]?.embedding).toEqual(alone.data[0]?.embedding);
    });

    test('a list of which nothing worked is an error, with every item in it', async () => {
      const response = await json('/v1/embeddings', { input: [base64(ZEROS), base64(truncated)] });
      expect(response.status).toBe(415);
      const answer = (await response.json()) as ErrorAnswer;
      expect(answer.error.code).toBe('unsupported_image');
      expect(answer.errors).toHaveLength(2);
    });

    test('a form with several images is a list', async () => {
      const answer = await embeddingsOf(
        form('/v1/embeddings', [
          ['image', new Blob([png])],
          ['image', new Blob([webp])],
          ['pool', 'max'],
          ['normalize', 'false'],
        ]),
      );
      expect(answer.data.map(({ index, embedding }) => [index, embedding.length])).toEqual([
        [0, 512],
        [1, 512],
      ]);
      expect(answer.normalize).toBe(false);
    });
  });

  describe('POST /v1/classify', () => {
    test('gives the most probable classes with probability and logit', async () => {
      const response = await raw('/v1/classify?top_k=1000', jpeg);
      const answer = classifyAnswer.parse(await response.json());
      const classes = answer.data[0]?.classes ?? [];
      expect(classes).toHaveLength(1000);
      expect(classes.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
      expect(classes.map(({ logit }) => logit)).toEqual(
        classes.map(({ logit }) => logit).toSorted((a, b) => b - a),
      );
      expect(response.headers.get('server-timing')).toMatch(/head;dur=\d/);
    });
  });

  describe('POST /v1/analyze', () => {
    test('gives features and scores of one pass, the same as asked for one by one', async () => {
      const answer = analyzeAnswer.parse(
        await (await json('/v1/analyze', { input: jpegUri, encoding_format: 'base64', top_k: 3 })).json(),
      );
      const [analysis] = answer.data;
      const layer = async (name: string) => {
        const body = { input: jpegUri, layer: name, normalize: false, encoding_format: 'base64' };
        return (await embeddingsOf(json('/v1/embeddings', body))).data[0]?.embedding;
      };
      expect(analysis?.features).toBe(await layer('features'));
      expect(analysis?.scores).toBe(await layer('scores'));
      const scores = floats(analysis?.scores);
      expect(analysis?.classes.map(({ class: index }) => scores[index])).toEqual(
        [...scores].toSorted((a, b) => b - a).slice(0, 3),
      );
    });
  });

  test('30 requests at once are all answered, each with its own image', async () => {
    // Bytes after the end of a jpeg change nothing of the picture.
    const padded = (count: number) => Uint8Array.of(...jpeg, ...new Uint8Array(count));
    const images = Array.from({ length: 30 }, (_, index) => [padded(index), png, webp][index % 3] ?? png);
    const answers = await Promise.all(
      images.map((image) => embeddingsOf(raw('/v1/embeddings?pool=avg&encoding_format=base64', image))),
    );
    const vectors = answers.map(({ data }) => data[0]?.embedding);
    expect(new Set(vectors).size).toBe(3);
    vectors.forEach((vector, index) => {
      expect(vector).toBe(vectors[index % 3]);
    });
  });
}
