// What goes wrong on the page: it is said in words, something can be done about it, and the page goes on.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { cat, drivePage, samples, serve, TINY_MODEL, useIndex } from './page-driver.ts';

// Without a service worker, which would answer in a failing server's place.
const driver = drivePage([], 'block');
const { open, sees, chooseSample, chooseFile } = driver;
const alert = () => driver.page.getByRole('alert');
const chooseButton = (name: string) =>
  driver.page.locator('#samples').getByRole('button', { name, exact: true }).click();

describe.each(['the server', 'the browser'])('a file that %s cannot take', (where) => {
  test.each<readonly [string, () => Promise<Buffer>, RegExp]>([
    ['no picture', async () => Buffer.from('no picture at all'), /not a picture that can be shown/],
    ['a picture cut short', async () => cat.subarray(0, 200), /not a picture that can be shown/],
    [
      '11 MiB',
      async () => Buffer.concat([cat, Buffer.alloc(11 * 1024 * 1024)]),
      /Expected at most 10485760 bytes/,
    ],
    [
      'a GIF, which browsers show',
      () =>
        sharp({ create: { width: 300, height: 300, channels: 3, background: 'red' } })
          .gif()
          .toBuffer(),
      /found image\/gif/,
    ],
  ])('%s', async (_, content, message) => {
    await open();
    if (where === 'the browser') await driver.page.locator('#in-browser').check();
    await chooseFile('bad.jpg', await content());
    await alert().waitFor();
    expect(await alert().textContent()).toMatch(message);
    expect(await driver.page.getByRole('button', { name: 'Try again' }).isVisible()).toBe(false);
    await chooseSample('rocket');
    expect(await alert().isVisible()).toBe(false);
  });
});

test('a slow server: the seconds are counted', async () => {
  await open();
  await driver.page.route('**/v1/analyze**', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 6000));
    await route.continue();
  });
  await chooseButton('cat');
  await sees('#count', /^\d+ s$/);
  expect(await driver.page.locator('#progress').isVisible()).toBe(true);
  await sees('#status', 'cat: done.');
  expect(await driver.page.locator('#progress').isVisible()).toBe(false);
});

test('an answer that comes after another question is dropped', async () => {
  await open();
  await chooseSample('rocket');
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await driver.page.route(
    '**/v1/analyze**',
    async (route) => {
      await held;
      await route.continue();
    },
    { times: 1 },
  );
  await chooseButton('cat');
  await chooseSample('brick');
  const late = driver.page.waitForResponse('**/v1/analyze**');
  release();
  await late;
  expect(await driver.page.locator('#photo').getAttribute('alt')).toContain('brick wall');
  expect(await driver.page.locator('#status').textContent()).toBe('brick: done.');
});

test('a server stopped in mid-use: said, and tried again when it is back', async () => {
  const mortal = await serve();
  const { port } = new URL(mortal.url);
  await open(mortal);
  await chooseSample('cat');
  await mortal.stop();
  await chooseButton('rocket');
  await sees('#error', 'The server cannot be reached');
  const risen = await serve({ port: Number(port) });
  await driver.page.getByRole('button', { name: 'Try again' }).click();
  // It has lost its indexes, which the page makes anew.
  await sees('#status', 'rocket: done.');
  await sees('#index-size', `${samples.length} in the index.`);
  await risen.stop();
});

test.each([
  [429, 'rate_limit_error', 'Expected at most 10 requests a minute with this key.'],
  [503, 'overloaded', 'Expected at most 6 waiting requests.'],
])('a server that answers %i says why, and is asked again', async (status, code, message) => {
  await open();
  const body = JSON.stringify({ error: { message, type: 'server_error', param: null, code } });
  const headers = { 'retry-after': '1' };
  await driver.page.route('**/v1/analyze**', (route) => route.fulfill({ status, body, headers }), {
    times: 1,
  });
  await chooseButton('cat');
  await sees('#error', message);
  await driver.page.getByRole('button', { name: 'Try again' }).click();
  await sees('#status', 'cat: done.');
  expect(await alert().isVisible()).toBe(false);
});

test('an error is in sight, wherever the file was dropped', async () => {
  await driver.page.setViewportSize({ width: 390, height: 700 });
  await open();
  await chooseSample('cat');
  await driver.page.locator('#map-keys').scrollIntoViewIfNeeded();
  await chooseFile('bad.jpg', Buffer.from('no picture'));
  await alert().waitFor();
  const box = await alert().boundingBox();
  expect(box?.y).toBeGreaterThanOrEqual(0);
  expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(700);
});

test('a server that fails in the middle of indexing: tried again, it goes on', async () => {
  await driver.page.addInitScript(useIndex('page-empty'));
  await open();
  let calls = 0;
  await driver.page.route('**/items', async (route) => {
    calls += 1;
    if (calls === 3) await route.abort();
    else await route.continue();
  });
  await chooseButton('cat');
  await sees('#error', 'The server cannot be reached');
  // The classes have come all the same.
  expect(await driver.page.locator('#classes li').count()).toBe(5);
  await driver.page.getByRole('button', { name: 'Try again' }).click();
  await sees('#status', 'cat: done.');
  expect(await alert().isVisible()).toBe(false);
});

test('a server that does not give its model away says so in browser mode', async () => {
  const closed = await serve({ variables: { PUBLISH_MODEL: 'false' } });
  await open(closed);
  await driver.page.locator('#in-browser').check();
  await chooseButton('cat');
  await sees('#error', 'does not give its model away');
  await driver.page.locator('#in-browser').uncheck();
  await sees('#status', 'cat: done.');
  await closed.stop();
});

test('a damaged model is not run', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'vgg-edge-page-'));
  cpSync(TINY_MODEL, directory, { recursive: true });
  const [shard = ''] = readdirSync(directory).filter((name) => name.startsWith('weights-'));
  const bytes = readFileSync(join(directory, shard));
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(join(directory, shard), bytes);
  const damaged = await serve({ model: directory });
  await open(damaged);
  await driver.page.locator('#in-browser').check();
  await chooseButton('cat');
  await sees('#error', 'SHA-256');
  await damaged.stop();
  rmSync(directory, { recursive: true });
});

test('without JavaScript the page says where the API is', () => {
  const html = readFileSync(join(import.meta.dirname, '../../web/index.html'), 'utf8');
  expect(html).toMatch(/<noscript>.*\/docs/s);
});
