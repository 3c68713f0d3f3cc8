// The Worker as it is deployed: its own entry with the bindings of wrangler.toml.

import { env, exports } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { readImageHeader } from '../../core/image-header.ts';
import { readManifest } from '../../engine/model-file.ts';
import { modelAnswer, modelsAnswer } from '../../worker/schemas/models.ts';
import { fixture } from './fixtures.ts';

const get = (path: string) => exports.default.fetch(`http://localhost${path}`);

test('is ready: an inference has worked', async () => {
  const response = await get('/readyz');
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ status: 'ready', engine: expect.any(String) });
});

test('serves the model of the manifest', async () => {
  const { manifest, id } = await readManifest(fixture.files);
  const { data } = modelsAnswer.parse(await (await get('/v1/models')).json());
  expect(data).toHaveLength(1);
  expect(data[0]).toMatchObject({ id, name: env.MODEL, network: manifest.network, taps: manifest.taps });
  expect(data[0]?.untrained).toBe(manifest.trained ? undefined : true);
  // Its convolutions' weights alone are 9.2 MB.
  expect(data[0]?.memory_bytes).toBeGreaterThan(9_200_000);
});

test('the most memory that model and decoding have taken is told by the metrics and with the model', async () => {
  const response = await exports.default.fetch('http://localhost/v1/classify', {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: fixture.pictures.jpeg,
  });
  expect(response.status).toBe(200);
  await response.body?.cancel();
  const page = await (await get('/metrics')).text();
  expect(page).toMatch(/^vgg_edge_batch_size_bucket\{le="1"\} [1-9]/m);
  const gauge = (name: string) => Number(new RegExp(`^vgg_edge_${name} (\\d+)$`, 'm').exec(page)?.[1]);
  const { width, height } = readImageHeader(fixture.pictures.jpeg);
  expect(gauge('decoder_memory_peak_bytes')).toBeGreaterThan(width * height * 3);
  expect(gauge('decoder_memory_peak_bytes')).toBeGreaterThan(gauge('decoder_memory_bytes'));
  const { data } = modelsAnswer.parse(await (await get('/v1/models')).json());
  expect(data[0]?.peak_memory_bytes).toBe(gauge('engine_memory_bytes') + gauge('decoder_memory_peak_bytes'));
});

test('one model is told of with what taught each of its classes', async () => {
  const { manifest, id } = await readManifest(fixture.files);
  const model = modelAnswer.parse(await (await get(`/v1/models/${id}`)).json());
  expect(model.classes).toHaveLength(manifest.network.outputDim);
  expect(model.classes?.[285]).toEqual({ label: 'Egyptian cat', id: 'n02124075', trained_with: 'labels' });
  const taught = model.classes?.filter(({ trained_with }) => trained_with === 'labels');
  expect(taught).toHaveLength(model.labels_trained ?? 0);
});

test.each([
  '/default/model.json',
  '/models/default/model.json',
  '/web/model.json',
  '/web/%2e%2e%2fmodels%2fdefault%2fmodel.json',
  '/model.json',
  '/default/weights-00001-of-00002.bin',
  '/README.md',
])('keeps %s to itself', async (path) => {
  expect((await get(path)).status).toBe(404);
});

test('the page may load, run and ask nothing but this origin', async () => {
  const response = await get('/');
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const policy = response.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
  expect(policy).not.toMatch(/unsafe-inline|unsafe-eval'? |https?:|\*/);
  expect(await response.text()).toContain('src="/web/main.js"');
});

test('a file of the page is sent again only when it has changed', async () => {
  const first = await get('/web/main.js');
  await first.body?.cancel();
  const etag = first.headers.get('etag') ?? '';
  const second = await exports.default.fetch('http://localhost/web/main.js', {
    headers: { 'if-none-match': etag },
  });
  expect(etag).not.toBe('');
  expect(second.status).toBe(304);
});

test("the served model's manifest and shards are published, each shard under the model's id", async () => {
  const { manifest, id } = await readManifest(fixture.files);
  expect(await (await get('/model/model.json')).json()).toMatchObject({ name: manifest.name });
  const [shard] = manifest.shards;
  const response = await get(`/model/${id}/${shard?.file}`);
  expect(response.headers.get('cache-control')).toContain('immutable');
  expect((await response.arrayBuffer()).byteLength).toBe(shard?.bytes);
  for (const path of [`/model/${id}/backbone.onnx`, `/model/other@0123456789ab/${shard?.file}`]) {
    expect((await get(path)).status).toBe(404);
  }
});
