// How the page draws a sample of an index from an API that lists no ids.

import { describe, expect, test } from 'vitest';
import { base64ToFloat32, float32ToBase64 } from '../../core/encodings.ts';
import { openApiIndex, openApiPhotoIndex } from '../../web/api-index.ts';
import type { ApiRequests } from '../../web/api-requests.ts';
import { ApiError } from '../../web/page-error.ts';

const DIMENSIONS = 16;

/** Answers as the API does, from vectors in memory. */
function apiOver(vectors: ReadonlyMap<string, Float32Array>, maxTopK = 1000): ApiRequests {
  const search = ({ vector, top_k }: { vector: string; top_k: number }) => {
    if (top_k > maxTopK) throw new ApiError(`Expected at most ${maxTopK} hits.`, 422, 'invalid_option');
    const query = base64ToFloat32(vector, 'vector');
    const score = (other: Float32Array) =>
      other.reduce((sum, value, index) => sum + value * (query[index] ?? 0), 0);
    const data = [...vectors].map(([id, other]) => ({ id, score: score(other) }));
    return { data: data.toSorted((a, b) => b.score - a.score).slice(0, top_k) };
  };
  const answer = (path: string, body: unknown) => {
    if (path.endsWith('/search')) return search(body as { vector: string; top_k: number });
    if (path.endsWith('/items/get')) {
      const { ids } = body as { ids: string[] };
      expect(ids.length).toBeLessThanOrEqual(1000);
      return {
        data: ids.map((id) => ({ id, vector: float32ToBase64(vectors.get(id) ?? new Float32Array()) })),
      };
    }
    return { items: vectors.size, space: { dimensions: DIMENSIONS } };
  };
  const send: ApiRequests['send'] = async (_, path, body) => Response.json(answer(path, body));
  return {
    send,
    ask: async <Answer>(_: string, path: string, body?: Blob | object) => answer(path, body) as Answer,
  };
}

/** In eight groups, each about a direction of its own; as features are, none is negative. */
function grouped(count: number): Map<string, Float32Array> {
  return new Map(
    Array.from({ length: count }, (_, index): [string, Float32Array] => [
      `${index % 8}-${index}`,
      Float32Array.from({ length: DIMENSIONS }, (_, at) =>
        at % 8 === index % 8 ? 1 : 0.2 * Math.abs(Math.sin(index * (at + 1))),
      ),
    ]),
  );
}

describe.each([
  ['the API itself', 1000],
  ['a store that gives at most a hundred hits', 100],
])('limits of %s', (_, maxTopK) => {
  test('a small index: all of it, with its vectors', async () => {
    const vectors = grouped(90);
    const sample = await openApiIndex(apiOver(vectors, maxTopK), 'small').sample(2000);
    expect(sample.total).toBe(90);
    expect([...sample.vectors.keys()].toSorted()).toEqual([...vectors.keys()].toSorted());
    expect(sample.vectors.get('3-3')).toEqual(vectors.get('3-3'));
  });

  test('a large index: no more than asked for, and some of every group', async () => {
    const sample = await openApiIndex(apiOver(grouped(8000), maxTopK), 'large').sample(500);
    expect(sample.total).toBe(8000);
    expect(sample.vectors.size).toBeLessThanOrEqual(500);
    expect(sample.vectors.size).toBeGreaterThan(250);
    expect(new Set([...sample.vectors.keys()].map((id) => id[0])).size).toBe(8);
  });
});

test('an empty index', async () => {
  expect(await openApiIndex(apiOver(new Map()), 'empty').sample(10)).toEqual({
    total: 0,
    vectors: new Map(),
  });
});

test('an error of the server is not taken for a limit', async () => {
  const api = apiOver(grouped(10));
  const failing: ApiRequests = {
    ...api,
    ask: (method, path, body) =>
      path.endsWith('/search')
        ? Promise.reject(new ApiError('busy', 503, 'busy'))
        : api.ask(method, path, body),
  };
  await expect(openApiIndex(failing, 'x').sample(10)).rejects.toThrow('busy');
});

test('a photograph that the API refuses among others is told with its reason', async () => {
  const refusal = {
    index: 1,
    error: { message: 'Expected an image.', type: 'x', param: null, code: 'invalid_image' },
  };
  const requests: ApiRequests = {
    send: async () => Response.json({}),
    ask: async <Answer>() => ({ object: 'index.upsert', upserted: 1, errors: [refusal] }) as Answer,
  };
  const files = ['good', 'bad'].map((id) => ({ id, file: new Blob([id]) }));
  const failed = await openApiPhotoIndex(requests, 'page-x').add(files);
  expect([...failed]).toEqual([['bad', 'Expected an image.']]);
});
