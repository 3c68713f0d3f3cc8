// How much the store asks of a server at once: servers bound a body's bytes and a list's items.

import { describe, expect, test } from 'vitest';
import { createRemoteStore, type RemoteIndex } from '../../search/remote-store.ts';
import { space } from './vector-store-contract.ts';

const SERVERS_BODY = 10 * 1024 * 1024;
const SERVERS_ITEMS = 1000;

/** A server that answers every upsert with `failing` as the failed index, and notes what it was sent. */
async function serve(failing?: number): Promise<{ index: RemoteIndex; sent: number[] }> {
  const sent: number[] = [];
  const store = createRemoteStore({
    url: 'http://127.0.0.1',
    async fetch(input, init) {
      const text = String(init?.body ?? '');
      const path = new URL(String(input)).pathname;
      if (path === '/v1/indexes/photos') return Response.json({ name: 'photos', space, items: 0 });
      const { ids, items } = JSON.parse(text);
      const count = (ids ?? items).length;
      if (text.length > SERVERS_BODY || count > SERVERS_ITEMS) {
        const error = { message: `${count} items, ${text.length} bytes`, code: 'body_too_large' };
        return Response.json({ error }, { status: 413 });
      }
      sent.push(count);
      const errors = failing === undefined ? [] : [{ index: failing, error: { message: 'broken' } }];
      return Response.json({ object: 'done', data: [], errors });
    },
  });
  return { index: await store.open('photos'), sent };
}

const images = (...megabytes: number[]) =>
  megabytes.map((size, place) => ({
    id: `${place}`,
    image: new Uint8Array(size * 1_000_000),
    metadata: {},
  }));
const ids = (count: number) => Array.from({ length: count }, (_, place) => `${place}`);

describe('one request holds no more than a server takes', () => {
  test.each<[string, (index: RemoteIndex) => Promise<unknown>, number[]]>([
    ['small images go together', (index) => index.upsertImages(images(1, 1, 1)), [3]],
    ['images of many bytes in parts, in order', (index) => index.upsertImages(images(3, 3, 3, 1)), [2, 2]],
    ['no images', (index) => index.upsertImages([]), []],
    ['2500 ids to get', (index) => index.get(ids(2500)), [1000, 1000, 500]],
    ['2500 ids to delete', (index) => index.delete(ids(2500)), [1000, 1000, 500]],
    ['no ids', (index) => index.get([]), []],
    [
      'vectors of many bytes',
      (index) =>
        index.upsert(
          space,
          ids(300).map((id) => ({ id, vector: new Float32Array(25_088), metadata: {} })),
        ),
      [73, 73, 73, 73, 8],
    ],
  ])('%s', async (_, ask, expected) => {
    const { index, sent } = await serve();
    await ask(index);
    expect(sent).toEqual(expected);
  });

  test('a failed image keeps its id, whichever part it came in', async () => {
    const { index } = await serve(0);
    expect([...(await index.upsertImages(images(4, 4)))]).toEqual([
      ['0', 'broken'],
      ['1', 'broken'],
    ]);
  });

  test('an image that is too large for a request of its own fails alone', async () => {
    const { index, sent } = await serve();
    expect([...(await index.upsertImages(images(1, 9, 1))).keys()]).toEqual(['1']);
    expect(sent).toEqual([1, 1]);
  });
});

describe('a server that limits how often it is asked', () => {
  const busy = (status: number, headers: Record<string, string>) =>
    Response.json(
      { error: { message: 'Too many requests.', code: 'too_many_requests' } },
      { status, headers },
    );
  const wellAnswered = () => Response.json({ data: [] });

  test('is asked again when it says', async () => {
    const answers = [busy(429, { 'retry-after': '7' })];
    const waits: number[] = [];
    const store = createRemoteStore({
      url: 'http://127.0.0.1',
      fetch: async () => answers.shift() ?? wellAnswered(),
      wait: async (milliseconds) => void waits.push(milliseconds),
    });
    expect(await store.list()).toEqual([]);
    expect(waits).toEqual([7000]);
  });

  test('but not for ever', async () => {
    let requests = 0;
    const store = createRemoteStore({
      url: 'http://127.0.0.1',
      async fetch() {
        requests += 1;
        return busy(429, { 'retry-after': '1' });
      },
      wait: async () => undefined,
    });
    await expect(store.list()).rejects.toMatchObject({ name: 'SourceError', message: 'Too many requests.' });
    expect(requests).toBe(6);
  });
});
