// The page from an origin that browsers do not trust (http from another machine): no hashes, no storage of
// files, no service worker. It works all the same, with the server's model.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { drivePage, nameOf, ownPhoto, serve } from './page-driver.ts';

const HOST = 'photos.test';
const driver = drivePage([`--host-resolver-rules=MAP ${HOST} 127.0.0.1`]);

test('own photographs are found and added; the model stays on the server', async () => {
  const { page, open, sees, chooseFile, hits } = driver;
  const directory = mkdtempSync(join(tmpdir(), 'vgg-edge-page-'));
  const keys = join(directory, 'keys');
  writeFileSync(keys, `visitor:${createHash('sha256').update('secret').digest('hex')}`);
  const server = await serve({ keys });
  await open({ url: `http://${HOST}:${new URL(server.url).port}` });
  expect(await page.evaluate('isSecureContext')).toBe(false);
  expect(await page.locator('#in-browser').isDisabled()).toBe(true);
  await sees('#where', 'the page has to come over https');
  await chooseFile('mine.jpg', ownPhoto());
  await page.locator('#key').fill('secret');
  await page.getByRole('button', { name: 'Use it' }).click();
  await sees('#status', 'mine.jpg: done.');
  expect((await hits()).map(nameOf)[0]).toBe('cat');
  await page.locator('#add').click();
  await page.locator('#remove').waitFor();
  await server.stop();
  rmSync(directory, { recursive: true });
});
