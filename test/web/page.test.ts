// The page in real Chromium against the real server: what a visitor does, and what goes wrong meanwhile.
// vitest.config.ts leaves this file out, and says so, where there is no Chromium.

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stageAssets } from '../../scripts/stage-assets.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { startNodeServer } from '../../server/node-server.ts';
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts';

const ROOT = join(import.meta.dirname, '../..');
const MODEL = join(ROOT, 'test/golden/models/tiny');
/** Milliseconds that the page may take for anything; machines that run tests are often busy. */
const PATIENCE = 60_000;
const cat = readFileSync(join(ROOT, 'samples/cat.jpg'));
const samples = readdirSync(join(ROOT, 'samples')).filter((name) => name.endsWith('.jpg'));
/** All but the one that is searched with. */
const names = samples.map((name) => name.replace('.jpg', '')).filter((name) => name !== 'cat');

type Server = Awaited<ReturnType<typeof serve>>;

let browser: Browser;
let server: Server;
let context: BrowserContext;
let page: Page;
/** What the console was told is wrong; failed requests, which tests provoke, are not. */
let complaints: string[];

function serve({ withIndexes = true, keys }: { withIndexes?: boolean; keys?: string } = {}) {
  return startNodeServer({
    model: MODEL,
    page: join(stageAssets(), 'web'),
    keys,
    ...(withIndexes ? { indexes: createMemoryStore() } : {}),
    host: '127.0.0.1',
    port: 0,
    maxBatch: 8,
    grace: 100,
    variables: { PUBLISH_MODEL: 'true' },
    log: () => undefined,
    engine: 'winograd',
  });
}

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: CHROMIUM_FLAGS });
  server = await serve();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  complaints = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    const isRequest = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isRequest) complaints.push(message.text());
  });
});
afterEach(async () => {
  await context.close();
  expect(complaints).toEqual([]);
});

async function open({ url } = server): Promise<void> {
  await page.goto(url);
  await sees('#status', 'Ready.');
}

const sees = (selector: string, text: string) =>
  page.locator(selector).filter({ hasText: text }).waitFor({ timeout: PATIENCE });
const chooseSample = async (name: string) => {
  await page.locator('#samples button', { hasText: name }).click();
  await sees('#status', `${name}: done.`);
};
const chooseFile = (name: string, buffer: Buffer, mimeType = 'image/jpeg') =>
  page.locator('#file').setInputFiles({ name, mimeType, buffer });
const hits = () => page.locator('#hits button.photo').allInnerTexts();
const nameOf = (hit: string) => hit.trim().split(' ')[0];

/** A photograph that is none of the samples: one of them upside down, so to say. */
function ownPhoto(): Buffer {
  return Buffer.concat([cat, Buffer.from('mine')]);
}

test('a sample: classes, feature map, times, curl', async () => {
  await open();
  await chooseSample('cat');
  expect(await page.locator('#classes li').count()).toBe(5);
  expect(await page.locator('#untrained').isVisible()).toBe(true);
  expect(await page.locator('#phases').textContent()).toMatch(/decode [\d.]+ ms.*backbone [\d.]+ ms/s);
  expect(await page.locator('#curl').textContent()).toContain('--data-binary @samples/cat.jpg');
  await page.locator('#strongest').click();
  expect(await page.locator('#channel-name').textContent()).toMatch(/^channel \d+$/);
});

test('the other samples as hits, the best first; all of them on the map', async () => {
  await open();
  await chooseSample('cat');
  const found = await hits();
  expect(found.map(nameOf).sort()).toEqual(names);
  const scores = found.map((hit) => Number(hit.trim().split(' ').at(-1)));
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  expect(await page.locator('#map button').count()).toBe(samples.length);
});

test('hovering over a hit, or reaching it by keyboard, shows the regions that match', async () => {
  await open();
  await chooseSample('cat');
  const second = page.locator('#hits button.photo').nth(1);
  await second.hover();
  await sees('#compare-text', 'Equal numbers');
  const marks = await page.locator('#cells-first span').allInnerTexts();
  expect(marks.length).toBeGreaterThan(0);
  expect(await page.locator('#cells-second span').allInnerTexts()).toEqual(marks);
  await page.locator('#hits button.photo').first().focus();
  await sees('#compare-text', `and ${nameOf((await hits())[0] ?? '')}`);
});

test('the map zooms and pans by keyboard', async () => {
  await open();
  await chooseSample('cat');
  const point = page.locator('#map button').first();
  const placeOf = async () => (await point.boundingBox())?.x ?? Number.NaN;
  const before = await placeOf();
  await page.locator('#map').press('ArrowLeft');
  expect(await placeOf()).toBeCloseTo(before + 40);
  await page.locator('#map').press('+');
  expect(await placeOf()).not.toBeCloseTo(before + 40);
  await page.locator('#zoom-reset').click();
  expect(await placeOf()).toBeCloseTo(before);
});

test("the visitor's own photograph: searched with, added, found again after a reload, removed", async () => {
  await open();
  await chooseFile('mine.jpg', ownPhoto());
  await sees('#status', 'mine.jpg: done.');
  expect((await hits())[0]).toMatch(/^cat 1\.000/);
  await page.locator('#add').click();
  await sees('#index-size', `${samples.length + 1} photographs`);
  await open();
  await chooseSample('cat');
  expect((await hits())[0]).toMatch(/^mine\.jpg 1\.000/);
  await page.getByRole('button', { name: 'Remove mine.jpg' }).click();
  await sees('#index-size', `${samples.length} photographs`);
  expect((await hits()).map(nameOf).sort()).toEqual(names);
});

test('in the browser: the same classes and scores, and no photograph leaves', async () => {
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
  await page.locator('#phases', { hasNotText: 'queue' }).waitFor();
  expect(await page.locator('#classes').textContent()).toBe(classes);
  expect(await hits()).toEqual(found);
  await page.locator('#hits button.photo').first().hover();
  await sees('#compare-text', 'Equal numbers');
  expect(sent).toEqual([]);
});

test('what was added in the browser is not sent when the switch is turned off', async () => {
  await open();
  await page.locator('#in-browser').check();
  await chooseFile('mine.jpg', ownPhoto());
  await sees('#status', 'mine.jpg: done.');
  await page.locator('#add').click();
  await sees('#index-size', `${samples.length + 1} photographs`);
  const sent: string[] = [];
  page.on('request', (request) => {
    if (request.postData()?.includes('mine:') === true) sent.push(request.url());
    if (request.postDataBuffer()?.equals(ownPhoto()) === true) sent.push(request.url());
  });
  await page.locator('#in-browser').uncheck();
  await sees('#status', 'was not sent');
  await chooseSample('cat');
  await sees('#index-size', `${samples.length} photographs`);
  expect((await hits()).map(nameOf).sort()).toEqual(names);
  expect(sent).toEqual([]);
});

test('dropped and pasted', async () => {
  await open();
  for (const [event, transfer, name] of [
    ['DragEvent', 'dataTransfer', 'dropped.jpg'],
    ['ClipboardEvent', 'clipboardData', 'pasted picture'],
  ]) {
    await page.evaluate(`fetch('/web/samples/cat.jpg').then((response) => response.blob()).then((blob) => {
      const ${transfer} = new DataTransfer();
      ${transfer}.items.add(new File([blob, '${name}'], '${name}', { type: 'image/jpeg' }));
      const type = '${event}' === 'DragEvent' ? 'drop' : 'paste';
      document.body.dispatchEvent(new ${event}(type, { ${transfer}, bubbles: true, cancelable: true }));
    })`);
    await sees('#status', `${name}: done.`);
  }
});

test('nothing is wider than a phone', async () => {
  await page.setViewportSize({ width: 320, height: 640 });
  await open();
  await chooseSample('cat');
  await page.locator('#hits button.photo').first().focus();
  await sees('#compare-text', 'Equal numbers');
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
});

test('an answer out of the cache has no times, and says so', async () => {
  await open();
  await chooseSample('cat');
  await chooseSample('rocket');
  await chooseSample('cat');
  await sees('#phases', 'cache');
});

test('a server that asks for a key: the page asks the visitor', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'vgg-edge-page-'));
  const keys = join(directory, 'keys');
  writeFileSync(keys, `visitor:${createHash('sha256').update('secret').digest('hex')}`);
  const guarded = await serve({ keys });
  await open(guarded);
  await page.locator('#samples button', { hasText: 'cat' }).click();
  await page.locator('#key').fill('secret');
  await page.locator('#key').press('Enter');
  await sees('#status', 'cat: done.');
  await guarded.stop();
  rmSync(directory, { recursive: true });
});

test('without a server: the page, its samples and the model are still there', async () => {
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
  await page.locator('#samples button', { hasText: 'cat' }).click();
  await sees('#error', 'The server cannot be reached');
  await page.locator('#in-browser').check();
  await sees('#status', 'cat: done.');
  expect(await hits()).toEqual(found);
});

test('where the server keeps no indexes, the page keeps one', async () => {
  const plain = await serve({ withIndexes: false });
  await open(plain);
  await chooseSample('cat');
  expect((await hits()).map(nameOf).sort()).toEqual(names);
  await plain.stop();
});

describe('what does not work is said, and the page goes on', () => {
  test.each<readonly [string, Buffer, RegExp]>([
    ['no picture', Buffer.from('no picture at all'), /not a picture that can be shown/],
    ['a picture cut short', cat.subarray(0, 200), /not a picture that can be shown/],
    ['11 MiB', Buffer.concat([cat, Buffer.alloc(11 * 1024 * 1024)]), /Expected at most 10485760 bytes/],
  ])('%s', async (_, content, message) => {
    await open();
    await chooseFile('bad.jpg', content);
    const shown = page.getByRole('alert');
    await shown.waitFor();
    expect(await shown.textContent()).toMatch(message);
    await chooseSample('rocket');
    expect(await shown.isVisible()).toBe(false);
  });
});

test.each(['light', 'dark'] as const)('axe finds nothing serious: %s', async (colorScheme) => {
  await page.emulateMedia({ colorScheme });
  await open();
  await chooseSample('cat');
  await page.locator('#hits button.photo').first().hover();
  await sees('#compare-text', 'Equal numbers');
  await page.evaluate(axe.source);
  const { violations }: { violations: axe.Result[] } = await page.evaluate('axe.run()');
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
});
