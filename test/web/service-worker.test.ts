// The service worker answers whether or not it can keep the answer.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';

const SOURCE = readFileSync(join(import.meta.dirname, '../../web/service-worker.js'), 'utf8');
const ORIGIN = 'http://photos.test';

interface FetchEvent {
  readonly request: { readonly url: string; readonly method: string };
  respondWith(answer: Promise<Response>): void;
  waitUntil(work: Promise<unknown>): void;
}

/** The worker's answer to a request for the path, and what the cache was given. */
async function ask(path: string, put: (url: string) => Promise<void>, network: typeof fetch) {
  let answerFetch = (_: FetchEvent) => {};
  const self = {
    addEventListener(type: string, listener: (event: FetchEvent) => void) {
      if (type === 'fetch') answerFetch = listener;
    },
    location: { origin: ORIGIN },
  };
  const cache = {
    match: async () => new Response('kept'),
    put: ({ url }: { url: string }) => put(url),
    keys: async () => [],
  };
  const empty = { ...cache, match: async () => undefined };
  const caches = { open: async () => (network === offline ? cache : empty) };
  runInNewContext(SOURCE, { self, caches, fetch: network, URL });
  let answer: Promise<Response> | undefined;
  const work: Promise<unknown>[] = [];
  answerFetch({
    request: { url: `${ORIGIN}${path}`, method: 'GET' },
    respondWith: (given) => {
      answer = given;
    },
    waitUntil: (given) => work.push(given),
  });
  const text = await (await answer)?.text();
  await Promise.all(work);
  return text;
}

const online = async () => new Response('fresh');
const offline = async () => {
  throw new TypeError('Failed to fetch');
};

describe.each(['/', '/web/main.js', '/model/tiny@1/weights-1.bin'])('%s', (path) => {
  test('is kept', async () => {
    const kept: string[] = [];
    expect(
      await ask(
        path,
        async (url) => {
          kept.push(url);
        },
        online,
      ),
    ).toBe('fresh');
    expect(kept).toEqual([`${ORIGIN}${path}`]);
  });

  test('is answered where the storage is full', async () => {
    const full = async () => {
      throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
    };
    expect(await ask(path, full, online)).toBe('fresh');
  });

  test('is answered before it is stored', async () => {
    let stored = () => {};
    const storing = new Promise<void>((resolve) => {
      stored = resolve;
    });
    const asked = ask(
      path,
      () => storing,
      async () => {
        setTimeout(stored);
        return new Response('fresh');
      },
    );
    expect(await asked).toBe('fresh');
  });

  test('comes from what was kept where there is no network', async () => {
    expect(await ask(path, async () => undefined, offline)).toBe('kept');
  });
});

test.each(['/v1/models', '/metrics'])('%s is left alone', async (path) => {
  expect(await ask(path, async () => undefined, online)).toBeUndefined();
});
