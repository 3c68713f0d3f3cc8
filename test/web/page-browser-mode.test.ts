// The model in the browser: the same vectors as the API's, nothing leaves, and it goes on without a server.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createClient } from '../../client/client.ts';
import { cat, drivePage, nameOf, ownPhoto, samples, serve, TINY_MODEL } from './page-driver.ts';

const driver = drivePage();
const { open, sees, chooseSample, chooseFile, hits } = driver;

test('the same classes and scores, and no photograph leaves', async () => {
  const { page } = driver;
  await open();
  await chooseSample('cat');
  const classes = await page.locator('#classes').textContent();
  const found = await hits();
  const sent: string[] = [];
  page.on('request', (request) => {
    if (request.method() !== 'GET') sent.push(request.url());
  });
  await page.locator('#in-browser').check();
  await sees('#where', 'Nothing leaves this machine.');
  await sees('#status', 'cat: done.');
  await page.locator('#phases', { hasNotText: 'network' }).waitFor();
  expect(await page.locator('#classes').textContent()).toBe(classes);
  expect(await hits()).toEqual(found);
  await sees('#facts', /winograd/);
  await sees('#compare-text', 'Equal numbers');
  expect(sent).toEqual([]);
});

describe('the vector is, to the bit, what the server indexes', () => {
  test.each([
    ['by default', undefined],
    ['another pooling', { layer: 'features', pool: 'rmac' }],
    ['another layer', { layer: 'fc6', pool: 'none' }],
  ])('%s', async (_, defaultDescriptor) => {
    const directory = mkdtempSync(join(tmpdir(), 'vgg-edge-page-'));
    cpSync(TINY_MODEL, directory, { recursive: true });
    const path = join(directory, 'model.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...manifest, defaultDescriptor }));
    const server = await serve({ model: directory });
    const client = createClient({ baseUrl: server.url });
    const { space } = await client.indexes.create('reference');
    expect(space).toMatchObject(defaultDescriptor ?? { layer: 'features', pool: 'gem' });
    const { layer, pool } = space;
    await client.indexes.upsert('reference', [{ id: 'cat', image: new Uint8Array(cat) }]);
    const { data } = await client.embed(new Uint8Array(cat), { layer, pool, encoding_format: 'base64' });
    await open(server);
    const found = await driver.page.evaluate(`new Promise((done, failed) => {
      const worker = new Worker('/web/model-worker.js', { type: 'module' });
      worker.onmessage = ({ data }) => {
        if ('error' in data) failed(new Error(data.error));
        if ('result' in data) done([...data.result.vector]);
      };
      fetch('/web/samples/cat.jpg').then((response) => response.blob()).then((photo) =>
        worker.postMessage({ number: 1, photo, wanted: 'vector' }));
    })`);
    const bytes = Buffer.from(String(data[0]?.embedding), 'base64');
    const expected = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
    expect(expected).toHaveLength(space.dimensions);
    expect(found).toEqual(expected);
    // What a store keeps is at length 1 once more: the same but for its rounding.
    const [kept] = await client.indexes.get('reference', ['cat']);
    expect(kept?.vector).toHaveLength(expected.length);
    kept?.vector.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 6);
    });
    await server.stop();
    rmSync(directory, { recursive: true });
  });
});

test('what was added in the browser is not sent when the switch is turned off', async () => {
  const { page } = driver;
  await open();
  await page.locator('#in-browser').check();
  await chooseFile('mine.jpg', ownPhoto());
  await sees('#status', 'mine.jpg: done.');
  await page.locator('#add').click();
  await sees('#index-size', `${samples.length + 1} in the index.`);
  const sent: string[] = [];
  page.on('request', (request) => {
    if (request.postData()?.includes('mine:') === true) sent.push(request.url());
    if (request.postDataBuffer()?.equals(ownPhoto()) === true) sent.push(request.url());
  });
  await page.locator('#in-browser').uncheck();
  await sees('#status', 'was not sent');
  await chooseSample('cat');
  await sees('#index-size', `${samples.length} in the index.`);
  expect((await hits()).map(nameOf)).not.toContain('mine.jpg');
  expect(sent).toEqual([]);
});

test('without a server: the page, its samples and the model are still there', async () => {
  const { page } = driver;
  const mortal = await serve();
  await open(mortal);
  await page.evaluate('navigator.serviceWorker.ready');
  await page.reload();
  await page.locator('#in-browser').check();
  await chooseSample('cat');
  const found = await hits();
  await mortal.stop();
  await page.reload();
  await sees('#status', 'Ready.');
  await page.locator('#samples').getByRole('button', { name: 'cat', exact: true }).click();
  await sees('#error', 'The server cannot be reached');
  await page.locator('#in-browser').check();
  await sees('#status', 'cat: done.');
  expect(await hits()).toEqual(found);
});
