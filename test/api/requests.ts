// Of each route: its name, where it is asked, and a request it answers well.

import type { VectorSpace, VectorStore } from '../../core/vector-store.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import type { ApiRoute } from '../../worker/api-route.ts';
import { servedRoutes } from '../../worker/api-routes.ts';
import { MODEL_ID } from './fixture.ts';
import { base64, RED_JPEG, RED_PNG } from './images.ts';

export const ROUTES = servedRoutes({ indexes: true });

export const nameOf = ({ method, path }: Pick<ApiRoute, 'method' | 'path'>) =>
  `${method.toUpperCase()} ${path}`;

/** Where the fixture answers: with an index that seededIndexes makes; what is deleted nobody else asks. */
export function pathOf({ method, path }: ApiRoute, key = '0'.repeat(64)): string {
  return path
    .replace('{key}', key)
    .replace('{model}', 'known')
    .replace('{index}', method === 'delete' ? 'spare' : 'colours')
    .replace('{alias}', method === 'delete' ? 'old' : 'shades');
}

export const json = (body: string | Uint8Array<ArrayBuffer>) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body,
});

/** What is sent to the route, by its own method. */
export const sent = (route: ApiRoute, init: RequestInit & { duplex?: 'half' }): [string, RequestInit] => [
  pathOf(route),
  { ...init, method: route.method.toUpperCase() },
];

const BODIES: Readonly<Record<string, object>> = {
  createIndex: { name: 'more' },
  upsertItems: { items: [{ id: 'square', image: base64(RED_PNG), metadata: { warm: true, year: 2026 } }] },
  getItems: { ids: ['red', 'nobody'] },
  deleteItems: { ids: ['nobody'] },
  setAlias: { index: 'colours' },
  searchIndex: { input: base64(RED_PNG), filter: { warm: true } },
};

export function goodRequest(route: ApiRoute, key?: string): [string, RequestInit] {
  const path = pathOf(route, key);
  if (route.body === undefined) return [path, { method: route.method.toUpperCase() }];
  const body = BODIES[route.operationId] ?? { input: [base64(RED_PNG), base64(RED_JPEG)] };
  return [path, sent(route, json(JSON.stringify(body)))[1]];
}

/** Of what the fixture's model gives by default. */
export const SPACE: VectorSpace = {
  model: MODEL_ID,
  preprocess: 'torchvision-256-224@1',
  layer: 'features',
  pool: 'gem',
  projection: null,
  dimensions: 4,
};

export async function seededIndexes(): Promise<VectorStore> {
  const store = createMemoryStore();
  for (const name of ['colours', 'spare']) {
    const index = await store.create(name, SPACE);
    await index.upsert(SPACE, [
      { id: 'red', vector: Float32Array.of(1, 0, 0, 1), metadata: { warm: true } },
      { id: 'blue', vector: Float32Array.of(0, 0, 1, 0), metadata: {} },
    ]);
  }
  for (const alias of ['shades', 'old']) await store.setAlias(alias, 'colours');
  return store;
}
