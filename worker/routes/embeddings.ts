// POST /v1/embeddings: OpenAI's embeddings API with images for input. GET /v1/embeddings/:key: an answer
// that was stored, by the ETag it had.

import type { Context, Handler } from 'hono';
import { accepts } from 'hono/accepts';
import { InputError } from '../../core/errors.ts';
import { createDescriber, neededProjection } from '../../engine/describer.ts';
import { errorsOf, listOutcomes, modelFacts } from '../answer.ts';
import { ANSWER_KEY, matchesETag } from '../answer-cache.ts';
import type { Ready } from '../dependencies.ts';
import { imageRoute, send } from '../image-route.ts';
import type { ApiEnv } from '../request-facts.ts';
import { type EmbeddingsAnswer, type EmbeddingsOptions, embeddingsOptions } from '../schemas/embeddings.ts';
import type { ServedModel } from '../served-model.ts';
import { VECTOR_FILE_TYPES, vectorFile } from '../vector-file.ts';
import { embeddingFields } from '../vector-values.ts';

const PATH = '/v1/embeddings';

/** An answer's name holds everything it depends on: it never changes. */
const FOR_EVER = 'private, max-age=31536000, immutable';

export function embeddings(dependencies: Ready) {
  const route = { schema: embeddingsOptions, negotiate, identify };
  return imageRoute(dependencies, route, async (work) => {
    const { images, options, model } = work;
    const { layer, pool, normalize, encoding_format, dtype } = options;
    const describer = await createDescriber(options, model);
    const { outcomes, times } = await model.embedder.embedWith(images, [layer], describer.describe);
    const { data, errors } = listOutcomes(outcomes, (vector) => ({ vector }));
    const type = VECTOR_FILE_TYPES.find((candidate) => candidate === work.type);
    if (type !== undefined) {
      // Rows have no numbers: with one missing nobody could tell whose they are.
      if (errors !== undefined) throw new AggregateError(errorsOf(outcomes));
      const vectors = data.map(({ vector }) => vector);
      return {
        body: vectorFile(vectors, { dtype, type, projection: describer.projection }),
        times,
        outcomes,
      };
    }
    const body: EmbeddingsAnswer = {
      object: 'list',
      data: data.map(({ vector, index }) => ({
        object: 'embedding' as const,
        ...embeddingFields(vector, encoding_format, dtype),
        index,
      })),
      ...(errors === undefined ? {} : { errors }),
      ...modelFacts(model),
      layer,
      pool,
      normalize,
      dtype,
      dimensions: describer.dimensions,
      ...(describer.projection === undefined ? {} : { projection: describer.projection }),
      // Images have no tokens; OpenAI's clients expect the field.
      usage: { prompt_tokens: 0, total_tokens: 0 },
    };
    return { body, times, outcomes };
  });
}

export function storedEmbeddings({ answers }: Ready): Handler<ApiEnv> {
  return async (context) => {
    const key = context.req.param('key') ?? '';
    const stored = ANSWER_KEY.test(key) ? await answers?.get(`${PATH}/${key}`) : undefined;
    context.get('facts').cache = stored === undefined ? 'miss' : 'hit';
    if (stored !== undefined) {
      context.header('etag', `"${key}"`);
      context.header('cache-control', FOR_EVER);
      const known = context.req.header('if-none-match');
      return known === '*' || matchesETag(known, key) ? context.body(null, 304) : send(context, stored);
    }
    throw new InputError(
      'not_found',
      'Expected the ETag of a stored answer, 64 hex digits without quotes, but found none. It may have been dropped: send the image again.',
      { param: 'key' },
    );
  };
}

/** What was fitted to a model may be fitted anew; the model's id stays. */
async function identify(options: EmbeddingsOptions, model: ServedModel) {
  return { projection: await neededProjection(options, model) };
}

function negotiate(context: Context): string {
  return accepts(context, {
    header: 'Accept',
    supports: ['application/json', ...VECTOR_FILE_TYPES],
    default: 'application/json',
  });
}
