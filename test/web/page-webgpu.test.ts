// The model on WebGPU in the page, by the renderer on the processor that Chromium brings: correct, and slow.

import { expect, test } from 'vitest';
import { drivePage, nameOf, scoreOf } from './page-driver.ts';

// Without a service worker, whose requests cannot be answered here.
const driver = drivePage(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'], 'block');
const { open, sees, chooseSample, hits } = driver;

/** The renderer on the processor takes seconds for a photograph: three are enough. */
async function showFewSamples(): Promise<void> {
  const few = ['cat.jpg', 'kitten.jpg', 'brick.jpg'].map((file) => ({ file, what: file, credit: 'tests' }));
  await driver.page.route('**/web/samples.json', (route) => route.fulfill({ json: few }));
}

test('float graphs made in the page agree with our kernel and are used', async ({ skip }) => {
  const { page } = driver;
  await showFewSamples();
  await open();
  const isThere = await page.evaluate(
    `'gpu' in navigator && 'Suspending' in WebAssembly && navigator.gpu.requestAdapter().then((adapter) => adapter !== null)`,
  );
  if (isThere !== true) {
    console.warn('SKIPPED: this Chromium gives no WebGPU adapter, so WebGPU in the page was not tested.');
    skip();
  }
  await page.locator('#in-browser').check();
  await chooseSample('cat');
  await sees('#facts', 'computes on the processor');
  const expected = await hits();
  const runtime: string[] = [];
  page.on('response', (response) => {
    if (response.url().endsWith('.wasm')) runtime.push(response.url());
  });
  await open(undefined, '?software-gpu');
  await page.locator('#in-browser').check();
  await chooseSample('cat');
  await sees('#facts', /onnxruntime-webgpu: fp(16|32) on .*, cosine (0\.99|1\.0)/);
  expect(runtime.join()).toContain('ort-webgpu.wasm');
  const found = await hits();
  expect(found.map(nameOf)).toEqual(expected.map(nameOf));
  // int8 and float32 differ by the quantisation.
  for (const [place, hit] of found.entries()) {
    expect(scoreOf(hit)).toBeCloseTo(scoreOf(expected[place]), 1);
  }
});

test("the runtime's megabytes are not fetched where WebGPU would be of no use", async () => {
  const { page } = driver;
  const fetched: string[] = [];
  page.on('request', (request) => fetched.push(request.url()));
  await open();
  await page.locator('#in-browser').check();
  await chooseSample('cat');
  expect(fetched.filter((url) => url.includes('ort-webgpu'))).toEqual([]);
});
