// /v1/indexes: the contract of the vector stores through the HTTP API, and images going in and asking.

import { beforeAll, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../search/memory-store.ts';
import { createRemoteStore } from '../../search/remote-store.ts';
import type { ApiApp } from '../../worker/app.ts';
import type { SearchAnswer } from '../../worker/schemas/indexes.ts';
import { base64 } from '../api/images.ts';
import { BLUE, imageOf, RED } from '../api/png.ts';
import { space, vectorStoreContract } from '../search/vector-store-contract.ts';
import { createFixture, knownEngine, MODEL_ID } from './api-fixture.ts';

const URL_BASE = 'http://127.0.0.1';

async function served() {
  const { app } = await createFixture({ dependencies: { indexes: createMemoryStore() } });
  return app;
}

vectorStoreContract('over HTTP', async () => {
  const app = await served();
  const open = () =>
    createRemoteStore({ url: URL_BASE, fetch: async (input, init) => app.request(String(input), init) });
  return { store: open(), tolerance: 1e-6, reopen: async () => open() };
});

describe('images', () => {
  let app: ApiApp;
  let red: string;
  let green: string;
  let blue: string;
  let runs = 0;
  const countsOf = async (route: string) => {
    const text = await (await app.request('/metrics')).text();
    const counted = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
    return {
      failures: counted(`vgg_edge_failures_total\\{route="${route}",code="unsupported_image"\\}`),
      bytes: counted('vgg_edge_image_bytes_total'),
      decoded: counted('vgg_edge_stage_duration_seconds_count\\{stage="decode"\\}'),
    };
  };
  const post = async (path: string, body: object) => {
    const response = await app.request(`/v1/indexes${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  };

  beforeAll(async () => {
    const engine = knownEngine(() => {
      runs += 1;
    });
    ({ app } = await createFixture({ engine, dependencies: { indexes: createMemoryStore() } }));
    red = base64(imageOf(RED));
    green = base64(imageOf([0, 255, 0]));
    blue = base64(imageOf(BLUE));
    await post('', { name: 'colours' });
  });

  test('an index is of the served model, by default its pooled features', async () => {
    const response = await app.request('/v1/indexes/colours');
    expect(await response.json()).toEqual({
      object: 'index',
      name: 'colours',
      space: {
        model: MODEL_ID,
        preprocess: 'torchvision-256-224@1',
        layer: 'features',
        pool: 'gem',
        projection: null,
        dimensions: 4,
      },
      items: 0,
    });
  });

  test('go in, those that cannot be read with their error, and are found by image, as JSON or as it is', async () => {
    const { status, body } = await post('/colours/items', {
      items: [
        { id: 'red', image: red, metadata: { warm: true } },
        { id: 'broken', image: base64(new Uint8Array([1, 2, 3])) },
        { id: 'green', image: green },
      ],
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ upserted: 2, errors: [{ index: 1, error: { code: 'unsupported_image' } }] });
    const found = await post('/colours/search', { input: red, top_k: 1 });
    expect(found.body).toMatchObject({ data: [{ id: 'red', metadata: { warm: true } }] });
    const raw = await app.request('/v1/indexes/colours/search?top_k=1', {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: Buffer.from(green, 'base64'),
    });
    expect(await raw.json()).toMatchObject({ data: [{ id: 'green' }] });
  });

  test('cannot go into an index of other vectors', async () => {
    await post('', { name: 'others', space });
    const { status, body } = await post('/others/items', { items: [{ id: 'a', image: blue }] });
    expect(status).toBe(409);
    expect(body).toMatchObject({ error: { code: 'index_mismatch' } });
  });

  test('are told of as images of every route are: model, times, metrics', async () => {
    await post('', { name: 'watched' });
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        items: [
          { id: 'a', image: red },
          { id: 'b', image: 'AAAA' },
        ],
      }),
    };
    const before = await countsOf('/v1/indexes/:index/items');
    const response = await app.request('/v1/indexes/watched/items', init);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-model-id')).toBe(MODEL_ID);
    expect(response.headers.get('server-timing')).toMatch(
      /^queue;dur=.* backbone;dur=1\.0,.* descriptor;dur=/,
    );
    const after = await countsOf('/v1/indexes/:index/items');
    expect(after.failures - before.failures).toBe(1);
    expect(after.bytes - before.bytes).toBe(Buffer.from(red, 'base64').length + 3);
    expect(after.decoded).toBeGreaterThan(before.decoded);
  });

  test('are not embedded where an item is wrong', async () => {
    const before = runs;
    for (const wrong of [
      { id: 'x', metadata: { a: null } },
      { id: '', metadata: {} },
    ]) {
      const answer = await post('/colours/items', {
        items: [
          { id: 'a', image: red },
          { ...wrong, image: red },
        ],
      });
      expect(answer.status).toBe(422);
    }
    expect(runs).toBe(before);
  });

  test.each(['image/png', 'Image/PNG', 'application/octet-stream', 'image/png; q=1'])(
    'ask as the body, of the type %s as elsewhere',
    async (type) => {
      const response = await app.request('/v1/indexes/colours/search?top_k=1', {
        method: 'POST',
        headers: { 'content-type': type },
        body: Buffer.from(red, 'base64'),
      });
      expect(await response.json()).toMatchObject({ data: [{ id: 'red' }] });
    },
  );

  test.each<[string, string, object, string]>([
    [
      'an image of a list',
      '/colours/items',
      {
        items: [
          { id: 'a', image: '!' },
          { id: 'b', image: '!' },
        ],
      },
      'items[0].image',
    ],
    [
      'more images than allowed',
      '/colours/items',
      { items: Array.from({ length: 17 }, (_, id) => ({ id: `${id}`, image: 'AAAA' })) },
      'items',
    ],
    ['the image asked by', '/colours/search', { input: '!' }, 'input'],
    [
      'a vector of a list',
      '/others/items',
      { items: [{ id: 'a', vector: 'AAAA' }], space },
      'items[0].vector',
    ],
    ['a vector of another length', '/others/items', { items: [{ id: 'a', vector: [1] }], space }, 'vector'],
    ['a name', '', { name: 'Not/this' }, 'name'],
    ['an id', '/colours/items', { items: [{ id: 5, image: 'AAAA' }] }, 'items[0].id'],
    ['a space beside options', '', { name: 'more', layer: 'scores', space }, 'space'],
    ['a space beside images', '/colours/items', { items: [{ id: 'a', image: 'AAAA' }], space }, 'space'],
    ['a space beside an id', '/colours/search', { id: 'red', space }, 'space'],
    ['a space beside an image', '/colours/search', { input: 'AAAA', space }, 'space'],
  ])('what is wrong with %s is named', async (_, path, request, param) => {
    const answer = await post(path, request);
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ error: { param } });
  });

  test.each<[string, string, object, number, RegExp]>([
    ['neither image nor vector', '/colours/items', { items: [{ id: 'a' }] }, 422, /exactly one of image/],
    ['a vector without its space', '/colours/items', { items: [{ id: 'a', vector: [1] }] }, 422, /space/],
    ['nothing to search by', '/colours/search', {}, 422, /exactly one of input, vector and id/],
    ['a filter that is none', '/colours/search', { id: 'red', filter: { a: { near: 1 } } }, 422, /filter\.a/],
    ['an unknown option', '/colours/search', { id: 'red', k: 1 }, 422, /top_k.*'k'/],
    ['an unknown index', '/nowhere/search', { id: 'red' }, 404, /nowhere/],
    ['an unknown item', '/colours/search', { id: 'nobody' }, 404, /nobody/],
  ])('%s is refused', async (_, path, request, status, message) => {
    const answer = await post(path, request);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ error: { message: expect.stringMatching(message) } });
  });

  test('with an image as the body, numbers and the filter stand in the query', async () => {
    const search = async (query: string) => {
      const response = await app.request(`/v1/indexes/colours/search?${query}`, {
        method: 'POST',
        headers: { 'content-type': 'image/png' },
        body: Buffer.from(red, 'base64'),
      });
      const { data } = (await response.json()) as SearchAnswer;
      return data.map(({ id }) => id);
    };
    expect(await search('min_score=-1')).toEqual(['red', 'green']);
    expect(await search('fold=0.5')).toEqual(['red']);
    expect(await search(`filter=${encodeURIComponent('{"warm":true}')}`)).toEqual(['red']);
  });

  test.each([
    ['/v1/indexes', 'GET, HEAD, POST'],
    ['/v1/indexes/colours', 'GET, HEAD, DELETE'],
    ['/v1/indexes/colours/search', 'POST'],
  ])('%s with another method is refused, and Allow says which there are', async (path, allow) => {
    const response = await app.request(path, { method: 'PATCH' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allow);
  });

  test('without a store there are no such routes', async () => {
    const { app: bare } = await createFixture();
    expect((await bare.request('/v1/indexes')).status).toBe(404);
  });
});
