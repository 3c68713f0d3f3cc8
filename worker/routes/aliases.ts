// /v1/aliases: second names of indexes, moved from an old index to a new one in one step.

import { Hono } from 'hono';
import type { VectorStore } from '../../core/vector-store.ts';
import { bodyTurn } from '../body-turn.ts';
import type { Ready } from '../dependencies.ts';
import type { ApiEnv } from '../request-facts.ts';
import { aliasRequest } from '../schemas/indexes.ts';

export function aliasRoutes(dependencies: Ready, store: VectorStore): Hono<ApiEnv> {
  const { inTurn, readJson } = bodyTurn(dependencies);
  const routes = new Hono<ApiEnv>();

  routes.get('/', async (context) => {
    const data = await store.aliases();
    return context.json({ object: 'list', data: data.map((alias) => ({ object: 'alias', ...alias })) });
  });

  routes.put('/:alias', (context) =>
    inTurn(context, async () => {
      const { index } = await readJson(context, aliasRequest);
      const alias = context.req.param('alias');
      await store.setAlias(alias, index);
      return context.json({ object: 'alias', alias, index });
    }),
  );

  routes.delete('/:alias', async (context) => {
    const alias = context.req.param('alias');
    await store.deleteAlias(alias);
    return context.json({ object: 'alias.deleted', alias, deleted: true });
  });

  return routes;
}
