// What a visitor does with the page. vitest.config.ts leaves the page's tests out, and says so, where there is
// no Chromium.

import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import axe from 'axe-core';
import { describe, expect, test } from 'vitest';
import { createClient } from '../../client/client.ts';
import type { VectorSpace } from '../../core/vector-store.ts';
import { drivePage, nameOf, ownPhoto, readSample, samples, serve } from './page-driver.ts';

const HITS = 12;
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const driver = drivePage();
const { open, sees, chooseSample, chooseFile, hits } = driver;

test('a sample: classes, feature map, vector, times, curl, author', async () => {
  await open();
  await chooseSample('cat');
  const { page } = driver;
  expect(await page.locator('#intro').isVisible()).toBe(false);
  expect(await page.locator('#classes li').count()).toBe(5);
  expect(await page.locator('#untrained').isVisible()).toBe(true);
  expect(await page.locator('#phases').textContent()).toMatch(/decode [\d.]+ ms.*backbone [\d.]+ ms/s);
  expect(await page.locator('#credit').textContent()).toBe('Photograph: Stefan van der Walt, CC0');
  expect(await page.locator('#vector-text').textContent()).toMatch(/^\d+ numbers.*\[0\.\d{3}, /);
  await page.locator('#strongest').click();
  expect(await page.locator('#channel-name').textContent()).toMatch(/^channel \d+$/);
});

test.skipIf(!hasCurl)('the curl, pasted into a shell, gets the answer that is shown', async () => {
  await open();
  for (const choose of [
    () => chooseSample('cat'),
    async () => {
      await chooseFile("it's mine.jpg", ownPhoto());
      await sees('#status', "it's mine.jpg: done.");
    },
  ]) {
    await choose();
    const { page } = driver;
    const command = (await page.locator('#curl').textContent()) ?? '';
    const folder = mkdtempSync(join(tmpdir(), 'vgg-edge-page-'));
    writeFileSync(join(folder, "it's mine.jpg"), ownPhoto());
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: folder, maxBuffer: 1 << 24 });
    rmSync(folder, { recursive: true });
    const [{ classes }] = JSON.parse(stdout).data;
    const shown = await page.locator('#classes .percent').allInnerTexts();
    const percents = classes.map(({ probability }: { probability: number }) =>
      (probability * 100).toFixed(1),
    );
    expect(shown).toEqual(percents.map((percent: string) => `${percent} %`));
  }
});

test('every sample is named with its author', async () => {
  await open();
  const credits = await driver.page.locator('#credits li').allTextContents();
  expect(credits).toHaveLength(samples.length);
  for (const credit of credits) expect(credit).toMatch(/.+: .+, (CC0|public domain|CC BY 2\.0)$/);
});

test('the most alike of the other samples, as the API orders them; all of the index on the map', async () => {
  await open();
  await chooseSample('cat');
  const client = createClient({ baseUrl: driver.server.url });
  await client.indexes.create('expected');
  const images = samples.map((name) => ({ id: name, image: readSample(name) }));
  while (images.length > 0) await client.indexes.upsert('expected', images.splice(0, 10));
  const options = { top_k: HITS, exclude_self: true };
  const { data } = await client.indexes.search('expected', { id: 'cat' }, options);
  expect(await hits()).toEqual(data.map(({ id, score }) => `${id} ${score.toFixed(3)}`));
  await sees('#map-text', `All ${samples.length} items`);
  expect(await driver.page.locator('#index-size').textContent()).toBe(`${samples.length} in the index.`);
  await client.indexes.delete('expected');
});

test('the best hit is compared at once, others by hovering and by keyboard; one click searches with it', async () => {
  await open();
  await chooseSample('cat');
  const { page } = driver;
  const [best, second, third] = (await hits()).map(nameOf);
  await sees('#compare-text', `and ${best} most`);
  const marks = await page.locator('#cells-first span').allInnerTexts();
  expect(marks.length).toBeGreaterThan(0);
  expect(await page.locator('#cells-second span').allInnerTexts()).toEqual(marks);
  await page.locator('#hits button.photo').nth(1).hover();
  await sees('#compare-text', `and ${second} most`);
  await page.locator('#hits button.photo').nth(2).focus();
  await sees('#compare-text', `and ${third} most`);
  await page.getByRole('button', { name: `Search with ${third}` }).click();
  await sees('#status', `${third}: done.`);
});

test.each([
  ['', 0],
  [', a large one', 2 * 1024 * 1024],
])(
  "the visitor's own photograph%s: searched with, added, found again after a reload, removed",
  async (_, padding) => {
    const { page } = driver;
    await open();
    await chooseFile('mine.jpg', Buffer.concat([ownPhoto(), Buffer.alloc(padding)]));
    await sees('#status', 'mine.jpg: done.');
    expect((await hits())[0]).toBe('cat 1.000');
    await page.locator('#add').click();
    await sees('#index-size', `${samples.length + 1} in the index.`);
    await open();
    await chooseSample('cat');
    expect((await hits())[0]).toBe('mine.jpg 1.000');
    await page.locator('#samples').getByRole('button', { name: 'mine.jpg' }).click();
    await sees('#status', 'mine.jpg: done.');
    await page.locator('#remove').click();
    await sees('#index-size', `${samples.length} in the index.`);
    expect((await hits()).map(nameOf)).not.toContain('mine.jpg');
    expect(await page.locator('#samples').getByRole('button', { name: 'mine.jpg' }).count()).toBe(0);
  },
);

test('dropped and pasted', async () => {
  await open();
  for (const [event, transfer, name] of [
    ['DragEvent', 'dataTransfer', 'dropped.jpg'],
    ['ClipboardEvent', 'clipboardData', 'pasted picture'],
  ]) {
    await driver.page.evaluate(`fetch('/web/samples/cat.jpg').then((response) => response.blob()).then((blob) => {
      const ${transfer} = new DataTransfer();
      ${transfer}.items.add(new File([blob, '${name}'], '${name}', { type: 'image/jpeg' }));
      const type = '${event}' === 'DragEvent' ? 'drop' : 'paste';
      document.body.dispatchEvent(new ${event}(type, { ${transfer}, bubbles: true, cancelable: true }));
    })`);
    await sees('#status', `${name}: done.`);
  }
});

test('by keyboard alone: one Tab into the photographs, arrows within, Enter chooses', async () => {
  await open();
  const { page } = driver;
  const first = page.locator('#samples button').first();
  await page.locator('#file').focus();
  await page.keyboard.press('Tab');
  expect(await first.evaluate((button) => button.matches(':focus'))).toBe(true);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  const name = (await page.locator('#samples button:focus').textContent()) ?? '';
  await page.keyboard.press('Enter');
  await sees('#status', `${name.trim()}: done.`);
  await page.keyboard.press('Tab');
  expect(await page.locator('#in-browser').evaluate((box) => box.matches(':focus'))).toBe(true);
});

test('the photograph searched with is in sight among those to choose from, which say where there are more', async () => {
  await open();
  const { page } = driver;
  const strip = page.locator('#samples');
  const hasMore = () => strip.evaluate((bar) => bar.classList.contains('more'));
  expect(await hasMore()).toBe(true);
  await chooseSample('cat');
  // Away from the hits, which it would choose from when they scroll under it.
  await page.mouse.move(0, 0);
  await page.locator('#hits button.photo').last().focus();
  const name = nameOf((await hits()).at(-1));
  // To the end where it is not.
  await strip.evaluate((bar, name) => {
    const place = [...bar.children].findIndex(({ textContent }) => textContent === name);
    bar.scrollTo({ left: place < bar.children.length / 2 ? bar.scrollWidth : 0 });
  }, name);
  await page.getByRole('button', { name: `Search with ${name}` }).click();
  await sees('#status', `${name}: done.`);
  const [bar, chosen] = await Promise.all([
    strip.boundingBox(),
    strip.getByRole('button', { name, exact: true }).boundingBox(),
  ]);
  expect(chosen?.x).toBeGreaterThanOrEqual(bar?.x ?? Number.NaN);
  expect((chosen?.x ?? 0) + (chosen?.width ?? 0)).toBeLessThanOrEqual((bar?.x ?? 0) + (bar?.width ?? 0));
  await strip.evaluate((all) => all.scrollTo({ left: all.scrollWidth }));
  await expect.poll(hasMore).toBe(false);
});

describe('another index of the server', () => {
  const SPACE = {
    preprocess: 'torchvision-256-224@1',
    layer: 'features',
    pool: 'gem',
    projection: null,
  } as const;

  /** Filled with random vectors under the served model's name. */
  async function fill(name: string, items: number): Promise<void> {
    const client = createClient({ baseUrl: driver.server.url });
    const [served] = (await client.models()).data;
    const dimensions = served?.taps.find((tap) => tap.name === 'features')?.shape[0] ?? 0;
    const space: VectorSpace = { ...SPACE, model: served?.id ?? '', dimensions };
    await client.indexes.create(name, { space });
    for (let start = 0; start < items; start += 500) {
      const page = Array.from({ length: Math.min(500, items - start) }, (_, index) => ({
        id: `item-${start + index}`,
        vector: Array.from({ length: dimensions }, () => Math.random()),
      }));
      await client.indexes.upsertVectors(name, space, page);
    }
  }

  test('is searched and mapped; an item without its photograph is a dot to search with', async () => {
    await fill('others', 30);
    await createClient({ baseUrl: driver.server.url }).indexes.setAlias('holiday', 'others');
    const { page } = driver;
    await open();
    await chooseSample('cat');
    expect(await page.locator('#index option').allInnerTexts()).toContain('holiday = others (30)');
    await page.locator('#index').selectOption('others');
    await sees('#map-text', 'All 30 items');
    await sees('#index-size', '30 in the index.');
    expect(await page.locator('#hits .missing').first().textContent()).toMatch(/^item-\d+$/);
    const dot = page.locator('#map button.dot').first();
    const name = await dot.getAttribute('aria-label');
    await dot.click();
    await sees('#status', `${name}: done.`);
    expect(await page.locator('#hits .missing').allInnerTexts()).not.toContain(name);
    await page.locator('#index').selectOption('');
    await sees('#map-text', `All ${samples.length} items`);
  });

  test('of a large one a sample is mapped, and that is said', async () => {
    await fill('large', 2600);
    await open();
    await chooseSample('cat');
    await driver.page.locator('#index').selectOption('large');
    await sees('#map-text', 'A sample of 2,000 of the 2,600 items');
  });
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
  await driver.page.locator('#samples').getByRole('button', { name: 'cat', exact: true }).click();
  await driver.page.locator('#key').fill('secret');
  await driver.page.locator('#key').press('Enter');
  await sees('#status', 'cat: done.');
  expect(await driver.page.locator('#curl').textContent()).toContain('authorization: Bearer $KEY');
  await guarded.stop();
  rmSync(directory, { recursive: true });
});

test('where the server keeps no indexes, the page keeps one', async () => {
  const plain = await serve({ withIndexes: false });
  await open();
  await chooseSample('cat');
  const expected = await hits();
  await open(plain);
  await chooseSample('cat');
  expect(await hits()).toEqual(expected);
  await plain.stop();
});

test.each([
  [320, 640],
  [820, 1180],
])('nothing is wider than a screen of %i pixels', async (width, height) => {
  const { page } = driver;
  await page.setViewportSize({ width, height });
  await open();
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
  await chooseSample('cat');
  await sees('#compare-text', 'Equal numbers');
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
});

test('nothing moves for those who asked for that', async () => {
  await driver.page.emulateMedia({ reducedMotion: 'reduce' });
  await open();
  const moving = `[...document.querySelectorAll('*')].filter((one) => {
    const { transitionDuration, animationName } = getComputedStyle(one);
    return transitionDuration !== '0s' || animationName !== 'none';
  }).length`;
  expect(await driver.page.evaluate(moving)).toBe(0);
});

describe.each(['light', 'dark'] as const)('axe finds nothing serious: %s', (colorScheme) => {
  const check = async () => {
    await driver.page.evaluate(axe.source);
    const { violations }: { violations: axe.Result[] } = await driver.page.evaluate('axe.run()');
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
  };

  test.each([
    ['desktop', 1280],
    ['phone', 360],
  ])('%s: as it opens, with an answer, with an error', async (_, width) => {
    const { page } = driver;
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    await open();
    await check();
    await chooseSample('cat');
    await sees('#compare-text', 'Equal numbers');
    await page.locator('#as-curl summary').click();
    await check();
    await chooseFile('bad.jpg', Buffer.from('no picture'));
    await page.getByRole('alert').waitFor();
    await check();
  });
});
