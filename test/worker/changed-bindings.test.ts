// Bindings that change under a running isolate, as Cloudflare's may when only a secret or a variable is put: they
// hold from the next request on, and the model is not made anew for them.

import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { sha256Hex } from '../../worker/answer-cache.ts';
import { createEngine } from '../../worker/engine.ts';
import { type Bindings, createHandler } from '../../worker/handler.ts';

/** A Worker that counts its engines. */
function start() {
  let engines = 0;
  const { fetch } = createHandler((...model) => {
    engines += 1;
    return createEngine(...model);
  });
  const ask = async (
    bindings: Partial<Bindings>,
    path = '/v1/models',
    headers: Record<string, string> = {},
  ) => {
    const request = new Request<unknown, IncomingRequestCfProperties>(`https://api.example.org${path}`, {
      headers,
    });
    const response = await fetch?.(request, { ...env, ...bindings }, createExecutionContext());
    await response?.body?.cancel();
    return response?.status;
  };
  return { ask, engines: () => engines };
}

const line = async (key: string) => `phone:${await sha256Hex(new TextEncoder().encode(key))}`;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

test('keys are rotated: a new one holds at once, one that was taken away does no more', async () => {
  const { ask, engines } = start();
  const [old, fresh] = [await line('old'), await line('new')];
  const statuses = async (API_KEYS: string) => [
    await ask({ API_KEYS }, '/v1/models', bearer('old')),
    await ask({ API_KEYS }, '/v1/models', bearer('new')),
  ];
  expect(await statuses(old)).toEqual([200, 401]);
  expect(await statuses(`${old}\n${fresh}`)).toEqual([200, 200]);
  expect(await statuses(fresh)).toEqual([401, 200]);
  expect(engines()).toBe(1);
});

test('a model that is published no more', async () => {
  const { ask } = start();
  expect(await ask({ PUBLISH_MODEL: 'true' }, '/model/model.json')).toBe(200);
  expect(await ask({ PUBLISH_MODEL: 'false' }, '/model/model.json')).toBe(404);
});

test('other limits, and another model, are another engine', async () => {
  const { ask, engines } = start();
  const API_KEYS = await line('k');
  const ready = (bindings: object) => ask({ API_KEYS, ...bindings }, '/v1/models', bearer('k'));
  expect(await ready({})).toBe(200);
  expect(await ready({ MAX_IMAGES: '3' })).toBe(200);
  expect(engines()).toBe(2);
  expect(await ready({ MODEL: 'none' })).toBe(503);
});
