// One photograph, one vector, whoever asks: curl, a browser's form, OpenAI's client, the typed client. Run
// against each server that listens on a socket.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import OpenAI from 'openai';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../client/client.ts';
import { base64 } from '../api/images.ts';
import { CHROMIUM, CHROMIUM_FLAGS } from '../web/chromium.ts';

const run = promisify(execFile);
const MAX_OUTPUT = 16 * 1024 * 1024;
const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
);
if (!hasCurl) console.warn('Tests with curl are left out: there is none on this machine.');

interface Vectors {
  readonly data: readonly { readonly embedding: readonly number[] }[];
}

/** `url` gives the server's address once it listens; the photograph is a JPEG or a PNG. */
export function testClients(url: () => string, photo: Uint8Array<ArrayBuffer>): void {
  describe('one vector, whoever asks', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vgg-edge-clients-'));
    const [file, request] = [join(folder, 'photo.png'), join(folder, 'request.json')];
    const vectorOf = (answer: unknown) => (answer as Vectors).data[0]?.embedding;
    let expected: readonly number[] = [];

    beforeAll(async () => {
      writeFileSync(file, photo);
      writeFileSync(request, JSON.stringify({ input: base64(photo), layer: 'fc6' }));
      const response = await fetch(`${url()}/v1/embeddings?layer=fc6`, {
        method: 'POST',
        headers: { 'content-type': 'image/png' },
        body: photo,
      });
      expect(response.status).toBe(200);
      expected = vectorOf(await response.json()) ?? [];
      expect(expected.some((value) => value !== 0)).toBe(true);
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    test.skipIf(!hasCurl).each([
      ['the image as the body', 'content-type: image/png', ['--data-binary', `@${file}`], '?layer=fc6'],
      ['a form', 'accept: application/json', ['-F', `image=@${file}`, '-F', 'layer=fc6'], ''],
      ['JSON', 'content-type: application/json', ['--data-binary', `@${request}`], ''],
    ])('curl, %s', async (_, header, body, query) => {
      const args = ['-sS', '-H', header, ...body, `${url()}/v1/embeddings${query}`];
      const { stdout } = await run('curl', args, { maxBuffer: MAX_OUTPUT });
      expect(vectorOf(JSON.parse(stdout))).toEqual(expected);
    });

    test.skipIf(!hasCurl)('curl, as bytes', async () => {
      const args = ['-sS', '-H', 'content-type: image/png', '-H', 'accept: application/octet-stream'];
      const { stdout } = await run(
        'curl',
        [...args, '--data-binary', `@${file}`, `${url()}/v1/embeddings?layer=fc6`],
        { maxBuffer: MAX_OUTPUT, encoding: 'buffer' },
      );
      const values = new Float32Array(new Uint8Array(stdout).buffer);
      expect([...values]).toEqual(expected.map(Math.fround));
    });

    test('the typed client', async () => {
      const client = createClient({ baseUrl: url() });
      expect(vectorOf(await client.embed(photo, { layer: 'fc6' }))).toEqual(expected);
    });

    test("OpenAI's client, which asks for base64 by itself", async () => {
      const openai = new OpenAI({ baseURL: `${url()}/v1`, apiKey: 'none' });
      const [model] = (await openai.models.list()).data;
      // The client's types know no layers; its requests pass them on.
      const layer = { layer: 'fc6' };
      const answer = await openai.embeddings.create({
        input: base64(photo),
        model: model?.id ?? '',
        ...layer,
      });
      expect(answer.data[0]?.embedding).toEqual(expected.map(Math.fround));
    });

    test.skipIf(CHROMIUM === undefined)("a browser's form", async () => {
      const browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: CHROMIUM_FLAGS });
      try {
        const page = await browser.newPage();
        await page.goto(`${url()}/livez`);
        await page.setContent(`<form method="post" action="/v1/embeddings" enctype="multipart/form-data">
          <input type="file" name="image"><input name="layer" value="fc6"><button>Send</button></form>`);
        await page.setInputFiles('input[type=file]', file);
        const [answer] = await Promise.all([
          page.waitForResponse((response) => response.url().endsWith('/v1/embeddings')),
          page.click('button'),
        ]);
        expect(vectorOf(await answer.json())).toEqual(expected);
      } finally {
        await browser.close();
      }
    });
  });
}
