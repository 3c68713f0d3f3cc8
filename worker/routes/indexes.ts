// /v1/indexes: named indexes of images: which there are, and what they hold vectors of.

import { Hono } from 'hono';
import type { VectorStore } from '../../core/vector-store.ts';
import { indexDescriptor } from '../../engine/describer.ts';
import { bodyTurn } from '../body-turn.ts';
import type { Ready } from '../dependencies.ts';
import { spaceOf } from '../index-embedder.ts';
import { superfluousSpace } from '../query-vector.ts';
import type { ApiEnv } from '../request-facts.ts';
import { createIndexRequest } from '../schemas/indexes.ts';
import { indexItems } from './index-items.ts';
import { searchIndex } from './search-index.ts';

export function indexRoutes(dependencies: Ready, store: VectorStore): Hono<ApiEnv> {
  const { model } = dependencies;
  const { inTurn, readJson } = bodyTurn(dependencies);
  const routes = new Hono<ApiEnv>();

  routes.get('/', async (context) => {
    const data = await store.list();
    return context.json({ object: 'list', data: data.map((info) => ({ object: 'index', ...info })) });
  });

  routes.post('/', (context) =>
    inTurn(context, async () => {
      const { name, space, ...options } = await readJson(context, createIndexRequest);
      const { layer, pool, dimensions } = options;
      if (space !== undefined && [layer, pool, dimensions].some((option) => option !== undefined)) {
        throw superfluousSpace('layer, pool or dimensions');
      }
      const served = await model();
      const asked = { ...indexDescriptor(served.manifest, options), dimensions: options.dimensions };
      const index = await store.create(name, space ?? (await spaceOf(served, asked)).space);
      return context.json({ object: 'index', ...(await index.describe()) });
    }),
  );

  routes.get('/:index', async (context) => {
    const index = await store.open(context.req.param('index'));
    return context.json({ object: 'index', ...(await index.describe()) });
  });

  routes.delete('/:index', async (context) => {
    const name = context.req.param('index');
    await store.delete(name);
    return context.json({ object: 'index.deleted', name, deleted: true });
  });

  routes.route('/:index/items', indexItems(dependencies, store));
  routes.post('/:index/search', searchIndex(dependencies, store));
  return routes;
}
