// The Worker as it is deployed: its own entry with the bindings of wrangler.toml.

import { env, exports } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { readManifest } from '../../engine/model-file.ts';
import { modelsAnswer } from '../../worker/schemas/models.ts';
import { modelFiles } from './fixtures.ts';

const get = (path: string) => exports.default.fetch(`http://localhost${path}`);

test('is ready: an inference has worked', async () => {
  const response = await get('/readyz');
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ status: 'ready', engine: expect.any(String) });
});

test('serves the model of the manifest', async () => {
  const { manifest, id } = await readManifest(modelFiles);
  const { data } = modelsAnswer.parse(await (await get('/v1/models')).json());
  expect(data).toHaveLength(1);
  expect(data[0]).toMatchObject({ id, name: env.MODEL, network: manifest.network, taps: manifest.taps });
  expect(data[0]?.untrained).toBe(manifest.trained ? undefined : true);
});

test.each(['/default/model.json', '/model.json', '/default/weights-00001-of-00002.bin', '/README.md'])(
  'keeps %s to itself',
  async (path) => {
    expect((await get(path)).status).toBe(404);
  },
);
