// /v1/indexes/:index/items: puts images or vectors into an index; gives and deletes items by id.

import { type Context, Hono } from 'hono';
import { float32ToBase64 } from '../../core/encodings.ts';
import type { Item, VectorStore } from '../../core/vector-store.ts';
import { checkMetadata } from '../../search/metadata-filter.ts';
import { checkId } from '../../search/vector-index.ts';
import { bodyTurn } from '../body-turn.ts';
import type { Ready } from '../dependencies.ts';
import { listErrors } from '../error-response.ts';
import { checkCount, imageSource, inputReading } from '../image-input.ts';
import { indexEmbedder } from '../index-embedder.ts';
import { oneOf, requiredSpace, superfluousSpace, toVector } from '../query-vector.ts';
import type { ApiEnv } from '../request-facts.ts';
import { idsRequest, upsertRequest } from '../schemas/indexes.ts';

export function indexItems(dependencies: Ready, store: VectorStore): Hono<ApiEnv> {
  const { inTurn, readJson } = bodyTurn(dependencies);
  const embed = indexEmbedder(dependencies);
  const openIndex = (context: Context<ApiEnv>) => store.open(context.req.param('index') ?? '');
  const routes = new Hono<ApiEnv>();

  routes.post('/', (context) =>
    inTurn(context, async () => {
      const { items, space } = await readJson(context, upsertRequest);
      const index = await openIndex(context);
      const images = items.filter(({ image }) => image !== undefined).length;
      const vectors = items.filter(({ vector }) => vector !== undefined).length;
      if (images + vectors !== items.length || (images > 0 && vectors > 0)) {
        throw oneOf('image and vector', 'each of items, the same in all', 'items');
      }
      if (images > 0 && space !== undefined) throw superfluousSpace('images');
      // All of it before the network runs: it would be for nothing.
      const checked = items.map(({ id, metadata }) => {
        checkId(id);
        return { id, metadata: checkMetadata(id, metadata) };
      });
      if (images > 0) checkCount(images, dependencies.limits, 'items');
      const reading = inputReading(dependencies);
      const sources = items.map(({ image }, place) => imageSource(image, `items[${place}].image`, reading));
      const embedded = images === 0 ? undefined : await embed(context, index, sources);
      const failures: unknown[] = [];
      const ready: Item[] = [];
      checked.forEach((item, place) => {
        const outcome = embedded?.outcomes[place] ?? {
          value: toVector(items[place]?.vector, `items[${place}].vector`),
        };
        if ('error' in outcome) failures[place] = outcome.error;
        else ready.push({ ...item, vector: outcome.value });
      });
      if (ready.length === 0) throw new AggregateError(failures);
      await index.upsert(embedded?.space ?? requiredSpace(space), ready);
      const errors = listErrors(failures);
      context.get('facts').failures = failures.filter((failure) => failure !== undefined);
      return context.json({
        object: 'index.upsert',
        upserted: ready.length,
        ...(errors.length === 0 ? {} : { errors }),
      });
    }),
  );

  routes.post('/get', (context) =>
    inTurn(context, async () => {
      const { ids } = await readJson(context, idsRequest);
      const items = await (await openIndex(context)).get(ids);
      return context.json({
        object: 'list',
        data: items.map(({ id, vector, metadata }) => ({ id, metadata, vector: float32ToBase64(vector) })),
      });
    }),
  );

  routes.post('/delete', (context) =>
    inTurn(context, async () => {
      const { ids } = await readJson(context, idsRequest);
      await (await openIndex(context)).delete(ids);
      return context.json({ object: 'index.items.deleted', ids });
    }),
  );

  return routes;
}
