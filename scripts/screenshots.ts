// `npm run screenshots`: pictures of the page for the documents, docs/images/page-{wide,narrow}.png. Needs
// Chromium ($CHROMIUM, or where Debian puts it) and the default model.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { createMemoryStore } from '../search/memory-store.ts';
import { startNodeServer } from '../server/node-server.ts';
import { CHROMIUM, CHROMIUM_FLAGS } from '../test/web/chromium.ts';
import { stageAssets } from './stage-assets.ts';

const ROOT = join(import.meta.dirname, '..');
const IMAGES = join(ROOT, 'docs/images');
const SHOTS = {
  wide: { width: 1040, height: 900, colorScheme: 'light', sample: 'schwerin' },
  narrow: { width: 390, height: 844, colorScheme: 'dark', sample: 'cat' },
} as const;
/** Milliseconds in which the samples are indexed. */
const PATIENCE = 120_000;

if (CHROMIUM === undefined) {
  throw new Error(
    'Expected Chromium but found none: install it (Debian: apt-get install chromium) or give its path in CHROMIUM.',
  );
}

const server = await startNodeServer({
  model: join(ROOT, 'models/default'),
  page: join(stageAssets(), 'web'),
  indexes: createMemoryStore(),
  host: '127.0.0.1',
  port: 0,
  maxBatch: 8,
  grace: 100,
  variables: { PUBLISH_MODEL: 'true' },
  log: () => undefined,
  engine: 'winograd',
});
const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS });
try {
  mkdirSync(IMAGES, { recursive: true });
  for (const [name, { sample, colorScheme, ...viewport }] of Object.entries(SHOTS)) {
    const page = await browser.newPage({ viewport, colorScheme });
    await page.goto(server.url);
    // The first loads the model and fills the index: not what is usual.
    for (const name of ['goldfish', sample]) {
      await page.locator('#samples').getByRole('button', { name, exact: true }).click();
      await page.locator('#status', { hasText: `${name}: done.` }).waitFor({ timeout: PATIENCE });
    }
    await page.locator('#compare-text', { hasText: 'Equal numbers' }).waitFor();
    await page.mouse.move(0, 0);
    const picture = await page.screenshot({ fullPage: true });
    const file = join(IMAGES, `page-${name}.png`);
    // A palette without dithering: a third of the bytes, and nobody misses the other colours.
    const { size } = await sharp(picture)
      .png({ palette: true, quality: 60, dither: 0, effort: 10 })
      .toFile(file);
    console.log(`${file}: ${Math.round(size / 1024)} KB`);
    await page.close();
  }
} finally {
  await browser.close();
  await server.stop();
}
