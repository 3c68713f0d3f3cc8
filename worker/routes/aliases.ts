// /v1/aliases: second names of indexes, moved from an old index to a new one in one step.

import { Hono } from 'hono';
import type { VectorStore } from '../../core/vector-store.ts';
import type { Ready } from '../dependencies.ts';
import { parseOptions } from '../parse-options.ts';
import { checkDeclared, readBody } from '../read-body.ts';
import { checkJsonType, parseJsonObject } from '../read-json.ts';
import type { ApiEnv } from '../request-facts.ts';
import { aliasRequest } from '../schemas/indexes.ts';

export function aliasRoutes({ admission, limits }: Ready, store: VectorStore): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();

  routes.get('/', async (context) => {
    const data = await store.aliases();
    return context.json({ object: 'list', data: data.map((alias) => ({ object: 'alias', ...alias })) });
  });

  routes.put('/:alias', (context) => {
    const bodyLimits = { maxBytes: limits.maxBodyBytes, timeout: limits.bodyTimeout };
    checkJsonType(context.req.header('content-type'));
    checkDeclared(context.req.raw, bodyLimits);
    return admission.run(async () => {
      const { index } = parseOptions(
        aliasRequest,
        parseJsonObject(await readBody(context.req.raw, bodyLimits, context.get('facts'))),
      );
      const alias = context.req.param('alias');
      await store.setAlias(alias, index);
      return context.json({ object: 'alias', alias, index });
    }, context.req.raw.signal);
  });

  routes.delete('/:alias', async (context) => {
    const alias = context.req.param('alias');
    await store.deleteAlias(alias);
    return context.json({ object: 'alias.deleted', alias, deleted: true });
  });

  return routes;
}
