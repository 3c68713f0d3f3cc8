// /v1/indexes: named indexes of images; items by image or vector, search by image, vector or id.

import { type Context, Hono } from 'hono';
import type * as z from 'zod';
import { base64ToFloat32, float32ToBase64, toBase64 } from '../../core/encodings.ts';
import { InputError } from '../../core/errors.ts';
import type { Item, Query, VectorIndex, VectorSpace, VectorStore } from '../../core/vector-store.ts';
import { createDescriber, indexDescriptor } from '../../engine/describer.ts';
import { urlReader } from '../../net/url-image.ts';
import { checkMetadata, toFilter } from '../../search/metadata-filter.ts';
import { checkSpace } from '../../search/vector-index.ts';
import type { Ready } from '../dependencies.ts';
import { listErrors } from '../error-response.ts';
import { imageSources } from '../image-input.ts';
import { parseOptions, textOptions } from '../parse-options.ts';
import { checkDeclared, readBody } from '../read-body.ts';
import { checkJsonType, parseJsonObject } from '../read-json.ts';
import type { ApiEnv } from '../request-facts.ts';
import {
  createIndexRequest,
  idsRequest,
  searchOptions,
  searchRequest,
  upsertRequest,
} from '../schemas/indexes.ts';
import type { ServedModel } from '../served-model.ts';

export function indexRoutes(dependencies: Ready, store: VectorStore): Hono<ApiEnv> {
  const { admission, limits, model, now, urlImages } = dependencies;

  /** Reads, and embeds, only when the request's turn has come; what its head tells is judged at once. */
  const inTurn = async <T>(context: Context<ApiEnv>, work: () => Promise<T>): Promise<T> => {
    if (!isImage(context)) checkJsonType(context.req.header('content-type'));
    checkDeclared(context.req.raw, { maxBytes: limits.maxBodyBytes, timeout: limits.bodyTimeout });
    return admission.run(work, context.req.raw.signal);
  };
  const readJson = async <Schema extends z.ZodObject>(
    context: Context<ApiEnv>,
    schema: Schema,
  ): Promise<z.output<Schema>> => {
    checkJsonType(context.req.header('content-type'));
    const bodyLimits = { maxBytes: limits.maxBodyBytes, timeout: limits.bodyTimeout };
    const body = await readBody(context.req.raw, bodyLimits, context.get('facts'));
    return parseOptions(schema, parseJsonObject(body));
  };
  const openIndex = (context: Context<ApiEnv>) => store.open(context.req.param('index') ?? '');
  const embed = async (index: VectorIndex, inputs: readonly unknown[]) => {
    const { name, space: held } = await index.describe();
    const served = await model();
    // Before the network runs: it would be for nothing.
    checkSpace(name, held, { ...held, model: served.id, preprocess: served.manifest.preprocess.name });
    const { describer, space } = await spaceOf(served, held);
    const readUrl = urlImages === undefined ? undefined : urlReader(urlImages, limits.maxBodyBytes, now);
    const images = imageSources(inputs, undefined, limits, readUrl);
    const { outcomes } = await served.embedder.run(images, [space.layer]);
    const described = outcomes.map((outcome) =>
      'error' in outcome ? outcome : { value: describer.describe(outcome.value) },
    );
    return { space, outcomes: described };
  };

  const routes = new Hono<ApiEnv>();

  routes.get('/', async (context) => {
    const data = await store.list();
    return context.json({ object: 'list', data: data.map((info) => ({ object: 'index', ...info })) });
  });

  routes.post('/', (context) =>
    inTurn(context, async () => {
      const { name, space, ...options } = await readJson(context, createIndexRequest);
      const served = await model();
      const asked = { ...indexDescriptor(served.manifest, options), dimensions: options.dimensions };
      const index = await store.create(name, space ?? (await spaceOf(served, asked)).space);
      return context.json({ object: 'index', ...(await index.describe()) });
    }),
  );

  routes.get('/:index', async (context) => {
    const index = await openIndex(context);
    return context.json({ object: 'index', ...(await index.describe()) });
  });

  routes.delete('/:index', async (context) => {
    const name = context.req.param('index');
    await store.delete(name);
    return context.json({ object: 'index.deleted', name, deleted: true });
  });

  routes.post('/:index/items', (context) =>
    inTurn(context, async () => {
      const { items, space } = await readJson(context, upsertRequest);
      const index = await openIndex(context);
      const images = items.flatMap(({ image }) => (image === undefined ? [] : [image]));
      const vectors = items.filter(({ vector }) => vector !== undefined).length;
      if (images.length + vectors !== items.length || (images.length > 0 && vectors > 0)) {
        throw oneOf('image and vector', 'each of items, the same in all');
      }
      const failures: unknown[] = [];
      const ready: Item[] = [];
      const embedded = vectors > 0 ? undefined : await embed(index, images);
      items.forEach(({ id, vector, metadata }, place) => {
        const checked = checkMetadata(id, metadata);
        const outcome = embedded?.outcomes[place] ?? { value: toVector(vector) };
        if ('error' in outcome) failures[place] = outcome.error;
        else ready.push({ id, vector: outcome.value, metadata: checked });
      });
      if (ready.length === 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures);
      await index.upsert(embedded?.space ?? required(space), ready);
      const errors = listErrors(failures);
      return context.json({
        object: 'index.upsert',
        upserted: ready.length,
        ...(errors.length === 0 ? {} : { errors }),
      });
    }),
  );

  routes.post('/:index/items/get', (context) =>
    inTurn(context, async () => {
      const { ids } = await readJson(context, idsRequest);
      const items = await (await openIndex(context)).get(ids);
      return context.json({
        object: 'list',
        data: items.map(({ id, vector, metadata }) => ({ id, metadata, vector: float32ToBase64(vector) })),
      });
    }),
  );

  routes.post('/:index/items/delete', (context) =>
    inTurn(context, async () => {
      const { ids } = await readJson(context, idsRequest);
      await (await openIndex(context)).delete(ids);
      return context.json({ object: 'index.items.deleted', ids });
    }),
  );

  routes.post('/:index/search', (context) =>
    inTurn(context, async () => {
      const { input, vector, id, space, ...options } = await readSearch(context);
      const index = await openIndex(context);
      if ([input, vector, id].filter((given) => given !== undefined).length !== 1) {
        throw oneOf('input, vector and id', 'the request');
      }
      let by: Query['by'];
      if (id !== undefined) by = { id };
      else if (vector !== undefined) by = { vector: toVector(vector), space: required(space) };
      else {
        const { outcomes, space: served } = await embed(index, [input]);
        const [outcome] = outcomes;
        if (outcome === undefined || 'error' in outcome) throw outcome?.error;
        by = { vector: outcome.value, space: served };
      }
      const hits = await index.query({
        by,
        topK: options.top_k,
        excludeSelf: options.exclude_self,
        ...(options.min_score === undefined ? {} : { minScore: options.min_score }),
        ...(options.fold === undefined ? {} : { fold: options.fold }),
        ...(options.filter === undefined ? {} : { filter: toFilter(options.filter) }),
      });
      return context.json({ object: 'list', data: hits });
    }),
  );

  /** An image may be the whole body, with the options in the query. */
  async function readSearch(context: Context<ApiEnv>): Promise<z.output<typeof searchRequest>> {
    if (!isImage(context)) return readJson(context, searchRequest);
    const options = parseOptions(searchOptions, textOptions(new URL(context.req.url).searchParams));
    const bodyLimits = { maxBytes: limits.maxImageBytes, timeout: limits.bodyTimeout };
    const bytes = await readBody(context.req.raw, bodyLimits, context.get('facts'));
    return { ...options, input: toBase64(bytes) };
  }

  return routes;
}

const isImage = (context: Context<ApiEnv>): boolean =>
  context.req.header('content-type')?.startsWith('image/') ?? false;

/** The space of what the served model gives with these options, and how to get it. */
async function spaceOf(
  served: ServedModel,
  { layer, pool, dimensions }: Pick<VectorSpace, 'layer' | 'pool'> & { dimensions?: number | undefined },
) {
  const describer = await createDescriber({ layer, pool, normalize: true, dimensions }, served);
  return { describer, space: describer.space(served.id) };
}

function required(space: VectorSpace | undefined): VectorSpace {
  if (space !== undefined) return space;
  throw new InputError(
    'invalid_option',
    'Expected the space of the vectors (model, preprocess, layer, pool, projection, dimensions) but found none. GET the index to see its own.',
    { param: 'space' },
  );
}

function toVector(vector: number[] | string | undefined): Float32Array {
  if (Array.isArray(vector)) return Float32Array.from(vector);
  return base64ToFloat32(vector ?? '', 'vector');
}

function oneOf(names: string, where: string): InputError {
  return new InputError('invalid_option', `Expected exactly one of ${names} in ${where}.`, {
    param: 'input',
  });
}
