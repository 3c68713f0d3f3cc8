// Drives the page in real Chromium against the real server, for the tests beside this file.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { stageAssets } from '../../scripts/stage-assets.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { startNodeServer } from '../../server/node-server.ts';
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts';

const ROOT = join(import.meta.dirname, '../..');
export const TINY_MODEL = join(ROOT, 'test/golden/models/tiny');
/** Milliseconds that the page may take for anything; machines that run tests are often busy. */
const PATIENCE = 60_000;

/** Requests that fail, and an origin that browsers do not trust. */
const PROVOKED = ['Failed to load resource', 'The Cross-Origin-Opener-Policy header has been ignored'];

/** A script for the page, before its own: the name of its index. */
export const useIndex = (name: string) => `localStorage.setItem('index', '${name}')`;

/** By its name on the page. */
export const readSample = (name: string) =>
  readFileSync(join(ROOT, 'samples', `${name.replaceAll(' ', '-')}.jpg`));

export const cat = readSample('cat');
/** Names as the page shows them. */
export const samples = readdirSync(join(ROOT, 'samples'))
  .filter((name) => name.endsWith('.jpg'))
  .map((name) => name.replace('.jpg', '').replaceAll('-', ' '));

export type Server = Awaited<ReturnType<typeof serve>>;

export interface ServeOptions {
  readonly model?: string;
  readonly withIndexes?: boolean;
  readonly keys?: string;
  readonly port?: number;
  readonly variables?: Readonly<Record<string, string>>;
}

export function serve({
  model = TINY_MODEL,
  withIndexes = true,
  keys,
  port = 0,
  variables,
}: ServeOptions = {}) {
  return startNodeServer({
    model,
    page: join(stageAssets(), 'web'),
    keys,
    ...(withIndexes ? { indexes: createMemoryStore() } : {}),
    host: '127.0.0.1',
    port,
    maxBatch: 8,
    grace: 100,
    variables: { PUBLISH_MODEL: 'true', ...variables },
    log: () => undefined,
    engine: 'winograd',
  });
}

export interface PageDriver {
  readonly page: Page;
  readonly server: Server;
  open(server?: { readonly url: string }, search?: string): Promise<void>;
  sees(selector: string, text: string | RegExp): Promise<void>;
  chooseSample(name: string): Promise<void>;
  chooseFile(name: string, buffer: Buffer, mimeType?: string): Promise<void>;
  /** `cat 0.737`, the best first. */
  hits(): Promise<string[]>;
}

/** A browser and a server for the file's tests, a fresh context for each; nothing may complain in the console. */
export function drivePage(
  flags: readonly string[] = [],
  serviceWorkers: 'allow' | 'block' = 'allow',
): PageDriver {
  let browser: Browser | undefined;
  let server: Server | undefined;
  let context: BrowserContext | undefined;
  let page: Page | undefined;
  /** What the console was told is wrong, but for what tests provoke. */
  let complaints: string[] = [];
  const there = <T>(thing: T | undefined): T => {
    if (thing === undefined) throw new Error('The page is there only inside a test.');
    return thing;
  };

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: [...CHROMIUM_FLAGS, ...flags] });
    server = await serve();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    context = await there(browser).newContext({ serviceWorkers });
    // One index for all tests of the file: its samples are embedded once.
    await context.addInitScript(useIndex('page-tests'));
    page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    complaints = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      const isProvoked = PROVOKED.some((text) => message.text().startsWith(text));
      if (message.type() === 'error' && !isProvoked) complaints.push(message.text());
    });
  });
  afterEach(async () => {
    await context?.close();
    expect(complaints).toEqual([]);
  });

  const sees = (selector: string, text: string | RegExp) =>
    there(page).locator(selector).filter({ hasText: text }).waitFor({ timeout: PATIENCE });
  return {
    get page() {
      return there(page);
    },
    get server() {
      return there(server);
    },
    sees,
    async open({ url } = there(server), search = '') {
      await there(page).goto(`${url}/${search}`);
      await sees('#status', 'Ready.');
    },
    async chooseSample(name) {
      await there(page).locator('#samples').getByRole('button', { name, exact: true }).click();
      await sees('#status', `${name}: done.`);
    },
    chooseFile: (name, buffer, mimeType = 'image/jpeg') =>
      there(page).locator('#file').setInputFiles({ name, mimeType, buffer }),
    async hits() {
      const texts = await there(page).locator('#hits button.photo').allInnerTexts();
      return texts.map((text) => text.trim().replace(/\s+/g, ' '));
    },
  };
}

export const nameOf = (hit = ''): string => hit.split(' ').slice(0, -1).join(' ');
export const scoreOf = (hit = ''): number => Number(hit.split(' ').at(-1));

/** A photograph that is none of the samples, though it looks like one. */
export function ownPhoto(): Buffer {
  return Buffer.concat([cat, Buffer.from('mine')]);
}
