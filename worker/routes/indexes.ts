// /v1/indexes: named indexes of images; items by image or vector, search by image, vector or id.

import { type Context, Hono } from 'hono';
import type * as z from 'zod';
import type { ImageSource } from '../../core/embedder.ts';
import { base64ToFloat32, float32ToBase64 } from '../../core/encodings.ts';
import { InputError } from '../../core/errors.ts';
import type { Item, Query, VectorIndex, VectorSpace, VectorStore } from '../../core/vector-store.ts';
import { createDescriber, indexDescriptor } from '../../engine/describer.ts';
import { urlReader } from '../../net/url-image.ts';
import { checkMetadata, toFilter } from '../../search/metadata-filter.ts';
import { checkId, checkSpace } from '../../search/vector-index.ts';
import { MODEL_HEADER, serverTiming } from '../answer.ts';
import type { Ready } from '../dependencies.ts';
import { listErrors } from '../error-response.ts';
import { checkCount, type InputReading, imageSource } from '../image-input.ts';
import { bodyLimits, isImageType } from '../image-request.ts';
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
  const { admission, limits, metrics, model, now, urlImages } = dependencies;

  /** Reads, and embeds, only when the request's turn has come; what its head tells is judged at once. */
  const inTurn = async (
    context: Context<ApiEnv>,
    work: () => Promise<Response>,
    kind: 'json' | 'image' = 'json',
  ): Promise<Response> => {
    if (kind === 'json') checkJsonType(context.req.header('content-type'));
    checkDeclared(context.req.raw, bodyLimits(kind, limits));
    const arrived = now();
    return admission.run(() => {
      context.get('facts').waited = now() - arrived;
      return work();
    }, context.req.raw.signal);
  };
  const readJson = async <Schema extends z.ZodObject>(
    context: Context<ApiEnv>,
    schema: Schema,
  ): Promise<z.output<Schema>> => {
    const body = await readBody(context.req.raw, bodyLimits('json', limits), context.get('facts'));
    return parseOptions(schema, parseJsonObject(body));
  };
  const openIndex = (context: Context<ApiEnv>) => store.open(context.req.param('index') ?? '');
  const reading = () => ({
    limits,
    readUrl: urlImages === undefined ? undefined : urlReader(urlImages, limits.maxBodyBytes, now),
  });
  const embed = async (context: Context<ApiEnv>, index: VectorIndex, images: readonly ImageSource[]) => {
    const { name, space: held } = index;
    const served = await model();
    context.header(MODEL_HEADER, served.id);
    // Before the network runs: it would be for nothing.
    checkSpace(name, held, { ...held, model: served.id, preprocess: served.manifest.preprocess.name });
    const { describer, space } = await spaceOf(served, held);
    const counted = images.map(({ read, crop }) => ({
      crop,
      read: async () => {
        const bytes = await read();
        metrics.imageBytes.add(bytes.length);
        return bytes;
      },
    }));
    const run = await served.embedder.embedWith(counted, [space.layer], describer.describe);
    const facts = context.get('facts');
    facts.times = run.times;
    context.header('server-timing', serverTiming(run.times, facts.waited ?? 0));
    return { space, outcomes: run.outcomes };
  };

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
      if (images > 0) checkCount(images, limits, 'items');
      const embedded = images === 0 ? undefined : await embed(context, index, imagesOf(items, reading()));
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
      await index.upsert(embedded?.space ?? required(space), ready);
      const errors = listErrors(failures);
      context.get('facts').failures = failures.filter((failure) => failure !== undefined);
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

  routes.post('/:index/search', (context) => {
    const asImage = isImageType(context.req.header('content-type'));
    const work = async () => {
      const { image, vector, id, space, ...options } = asImage
        ? await readImage(context)
        : await readSearch(context);
      const index = await openIndex(context);
      if ([image, vector, id].filter((given) => given !== undefined).length !== 1) {
        throw oneOf('input, vector and id', 'the request', 'input');
      }
      if (vector === undefined && space !== undefined) throw superfluousSpace('input and id');
      let by: Query['by'];
      if (id !== undefined) by = { id };
      else if (image === undefined) by = { vector: toVector(vector, 'vector'), space: required(space) };
      else {
        const { outcomes, space: served } = await embed(context, index, [image]);
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
    };
    return inTurn(context, work, asImage ? 'image' : 'json');
  });

  async function readSearch(context: Context<ApiEnv>): Promise<Search> {
    const { input, ...search } = await readJson(context, searchRequest);
    return { ...search, image: input === undefined ? undefined : imageSource(input, 'input', reading()) };
  }

  /** With the image as the body, the options stand in the query. */
  async function readImage(context: Context<ApiEnv>): Promise<Search> {
    const options = parseOptions(
      searchOptions,
      textOptions(new URL(context.req.url).searchParams, searchOptions),
    );
    const bytes = await readBody(context.req.raw, bodyLimits('image', limits), context.get('facts'));
    return { ...options, image: { read: () => bytes } };
  }

  return routes;
}

/** What is asked, with its image to be read. */
interface Search extends Omit<z.output<typeof searchRequest>, 'input'> {
  readonly image: ImageSource | undefined;
}

function imagesOf(items: readonly { readonly image?: unknown }[], reading: InputReading): ImageSource[] {
  return items.map(({ image }, place) => imageSource(image, `items[${place}].image`, reading));
}

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

function toVector(vector: number[] | string | undefined, param: string): Float32Array {
  if (Array.isArray(vector)) return Float32Array.from(vector);
  return base64ToFloat32(vector ?? '', param);
}

function oneOf(names: string, where: string, param: string): InputError {
  return new InputError('invalid_option', `Expected exactly one of ${names} in ${where}.`, { param });
}

/** Nothing is ignored. */
function superfluousSpace(beside: string): InputError {
  return new InputError(
    'invalid_option',
    `Expected no space beside ${beside} but found one: it is that of vectors made elsewhere.`,
    { param: 'space' },
  );
}
