// The typed client: what it sends, and what it does with failures. That the API understands it is tested
// against the app in test/server.

import { describe, expect, test } from 'vitest';
import { ApiFailure, createClient, type Image } from '../../client/client.ts';

interface Sent {
  readonly url: string;
  readonly method: string | undefined;
  readonly authorization: string | null;
  readonly body: unknown;
}

/** Answers in turn, and what was sent for them. */
function server(...answers: Response[]) {
  const sent: Sent[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    sent.push({
      url: String(input),
      method: init?.method,
      authorization: new Headers(init?.headers).get('authorization'),
      body: typeof init?.body === 'string' ? JSON.parse(init.body) : undefined,
    });
    return answers.shift() ?? Response.json({ object: 'list', data: [] });
  };
  const create = (retries?: number) =>
    createClient({
      baseUrl: 'http://127.0.0.1:1/',
      apiKey: 'k',
      fetch,
      ...(retries === undefined ? {} : { retries }),
    });
  return { sent, create };
}

const BYTES = new Uint8Array([1, 2, 3]);

describe('images', () => {
  test.each<[string, Image | readonly Image[], unknown]>([
    ['bytes become base64', BYTES, 'AQID'],
    ['so do blobs', new Blob([BYTES]), 'AQID'],
    ['text stays as it is', 'https://images.example.org/a.jpg', 'https://images.example.org/a.jpg'],
    ['a list stays a list', [BYTES, 'AAAA'], ['AQID', 'AAAA']],
    [
      'crop boxes stay with their image',
      [{ image: 'AAAA', crop: { left: 0, top: 0, width: 1, height: 1 } }],
      [{ image: 'AAAA', crop: { left: 0, top: 0, width: 1, height: 1 } }],
    ],
    ['many bytes at once', new Uint8Array(30_000), Buffer.alloc(30_000).toString('base64')],
  ])('%s', async (_, images, input) => {
    const { sent, create } = server();
    await create().embed(images, { layer: 'fc6', dtype: 'int8' });
    expect(sent).toEqual([
      {
        url: 'http://127.0.0.1:1/v1/embeddings',
        method: 'POST',
        authorization: 'Bearer k',
        body: { layer: 'fc6', dtype: 'int8', input },
      },
    ]);
  });
});

test.each([
  ['classify', '/v1/classify'],
  ['analyze', '/v1/analyze'],
] as const)('%s asks %s', async (method, path) => {
  const { sent, create } = server();
  await create()[method]('AAAA', { top_k: 3 });
  expect(sent[0]).toMatchObject({ url: `http://127.0.0.1:1${path}`, body: { input: 'AAAA', top_k: 3 } });
});

test('compare and models ask their routes', async () => {
  const { sent, create } = server();
  await create().compare(['AAAA', 'BBBB'], { regions: true });
  await create().models();
  expect(sent.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'POST http://127.0.0.1:1/v1/similarity',
    'GET http://127.0.0.1:1/v1/models',
  ]);
});

describe('failures', () => {
  const busy = () =>
    Response.json(
      {
        error: {
          message: 'Too much work is waiting.',
          type: 'server_error',
          param: null,
          code: 'overloaded',
        },
      },
      { status: 503, headers: { 'retry-after': '0' } },
    );
  const refused = () =>
    Response.json(
      {
        error: {
          message: 'Expected a JPEG.',
          type: 'invalid_request_error',
          param: 'input',
          code: 'invalid_image',
        },
      },
      { status: 422 },
    );

  test('a busy server is asked again', async () => {
    const { sent, create } = server(busy(), busy());
    await create().embed(BYTES);
    expect(sent).toHaveLength(3);
  });

  test('but not for ever', async () => {
    const { sent, create } = server(busy(), busy(), busy());
    await expect(create(1).embed(BYTES)).rejects.toMatchObject({ status: 503, code: 'overloaded' });
    expect(sent).toHaveLength(2);
  });

  test('what the caller did wrong is told at once, in full', async () => {
    const { sent, create } = server(refused());
    const failure = create().embed(BYTES);
    await expect(failure).rejects.toBeInstanceOf(ApiFailure);
    await expect(failure).rejects.toMatchObject({
      message: 'Expected a JPEG.',
      status: 422,
      code: 'invalid_image',
      param: 'input',
      errors: [],
    });
    expect(sent).toHaveLength(1);
  });

  test('of a list of which nothing worked, each item with its error', async () => {
    const error = { message: 'Expected a JPEG.', type: 'invalid_request_error', param: null, code: 'x' };
    const errors = [
      { index: 0, error },
      { index: 1, error },
    ];
    const { create } = server(Response.json({ error, errors }, { status: 422 }));
    await expect(create().embed([BYTES, BYTES])).rejects.toMatchObject({ status: 422, errors });
  });

  test("an answer that is not the API's own is still a failure with its status", async () => {
    const { create } = server(new Response('<html>', { status: 502 }));
    await expect(create().models()).rejects.toMatchObject({ status: 502, message: 'HTTP status 502' });
  });
});
