// The page and the published model, each only where the composition root gives them.

import { expect, test } from 'vitest';
import { assetPageFiles, type PageFiles } from '../../worker/page-files.ts';
import { memoryFiles, tinyModel } from '../engine/tiny-model.ts';
import { createFixture } from './api-fixture.ts';

const opened: string[] = [];
const page: PageFiles = {
  async open(path) {
    opened.push(path);
    return path === 'gone.js' ? undefined : { body: new Blob([path]).stream() };
  },
};

test.each([
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/service-worker.js', 'service-worker.js', 'text/javascript; charset=utf-8'],
  ['/web/style.css', 'style.css', 'text/css; charset=utf-8'],
  ['/web/kernel.wasm', 'kernel.wasm', 'application/wasm'],
  ['/web/samples/cat.jpg', 'samples/cat.jpg', 'image/jpeg'],
])('%s is %s of the page', async (path, file, type) => {
  const { app } = await createFixture({ dependencies: { page } });
  const response = await app.request(path);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe(type);
  expect(await response.text()).toBe(file);
});

test.each(['/web/gone.js', '/web/.env', '/web/..%2fsecret.js', '/web/a/b.js', '/web/main.ts', '/web/'])(
  'nothing at %s',
  async (path) => {
    opened.length = 0;
    const { app } = await createFixture({ dependencies: { page } });
    expect((await app.request(path)).status).toBe(404);
    expect(opened.filter((file) => file !== 'gone.js')).toEqual([]);
  },
);

test.each([
  [404, 404],
  [500, 503],
])('an asset that answers %i is %i', async (found, status) => {
  const assets = { fetch: async () => new Response('', { status: found }) };
  const { app } = await createFixture({ dependencies: { page: assetPageFiles(assets, '/web') } });
  expect((await app.request('/web/main.js')).status).toBe(status);
});

test('neither without what they are made of', async () => {
  const { app } = await createFixture();
  for (const path of ['/', '/web/main.js', '/model/model.json']) {
    expect((await app.request(path)).status).toBe(404);
  }
});

test('the manifest of a published model, as it lies in the directory', async () => {
  const { content } = tinyModel();
  const { app } = await createFixture({ dependencies: { publishedModel: memoryFiles(content) } });
  const response = await app.request('/model/model.json');
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(content.get('model.json'));
});
