// The frame of every route that takes images: cheap checks, a place in the queue, the body, a look into the
// stored answers, the work, and the headers that all of them send.

import type { Context, Handler } from 'hono';
import type * as z from 'zod';
import type { EmbedTimes, ImageSource, Outcome } from '../core/embedder.ts';
import { errorsOf, MODEL_HEADER, serverTiming } from './answer.ts';
import { answerKey, matchesETag, type StoredAnswer, unshared } from './answer-cache.ts';
import type { Ready } from './dependencies.ts';
import { hashImages } from './hash-images.ts';
import { inputReading } from './image-input.ts';
import { checkHead, type ImageOptionsSchema, readImageRequest } from './image-request.ts';
import type { ApiEnv } from './request-facts.ts';
import { checkModel, type ServedModel } from './served-model.ts';

export interface ImageWork<Options> {
  readonly images: readonly ImageSource[];
  readonly options: Options;
  readonly model: ServedModel;
  /** The media type that the caller prefers among `types`. */
  readonly type: string;
}

export interface ImageAnswer {
  /** An object becomes JSON. */
  readonly body: object | StoredAnswer;
  readonly times: Readonly<EmbedTimes>;
  /** What became of each image. */
  readonly outcomes: readonly Outcome<unknown>[];
}

export interface ImageRouteOptions<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** Picks the answer's media type from the `Accept` header; JSON by default. */
  readonly negotiate?: (context: Context) => string;
  /** What an answer depends on besides its images, its options and the model's id. */
  readonly identify?: (options: z.output<Schema>, model: ServedModel) => Promise<Record<string, unknown>>;
}

const JSON_TYPE = 'application/json';

/** Nothing is read of a request that waits: a body is held in memory only by those whose turn it is. */
export function imageRoute<Schema extends ImageOptionsSchema>(
  { model, limits, admission, now, urlImages, answers, metrics }: Ready,
  { schema, negotiate = () => JSON_TYPE, identify = async () => ({}) }: ImageRouteOptions<Schema>,
  work: (work: ImageWork<z.output<Schema>>) => Promise<ImageAnswer>,
): Handler<ApiEnv> {
  return async (context) => {
    const { raw, path } = context.req;
    const facts = context.get('facts');
    checkHead(raw, limits);
    const arrived = now();
    return admission.run(async () => {
      facts.waited = now() - arrived;
      const reading = inputReading({ limits, urlImages, now });
      const request = await readImageRequest(raw, schema, { ...reading, facts });
      const served = await model();
      context.header(MODEL_HEADER, served.id);
      checkModel(request.options.model, served);

      const type = negotiate(context);
      const { images, hashes, bytes, release } = await hashImages(request.images);
      try {
        metrics.imageBytes.add(bytes);
        // A list with an image that cannot even be read has no name that would mean the same tomorrow.
        const { model: _, user: __, ...options } = request.options;
        const { name: engine, precision } = served.engine;
        const more = { ...(await identify(request.options, served)), engine, precision, type };
        const identity = { route: path, model: served.id, options: { ...options, ...more }, images: hashes };
        const key = hashes.length === images.length ? await answerKey(identity) : undefined;
        const known = context.req.header('if-none-match');
        if (key !== undefined) {
          const isNamed = matchesETag(known, key);
          const stored = isNamed ? undefined : await answers?.get(`${path}/${key}`);
          const unchanged = isNamed || (known === '*' && stored !== undefined);
          if (unchanged || stored !== undefined) context.header('etag', `"${key}"`);
          if (unchanged) return context.body(null, 304);
          if (answers !== undefined) facts.cache = stored === undefined ? 'miss' : 'hit';
          if (stored !== undefined) return send(context, stored);
        }

        const { body, times, outcomes } = await work({
          images,
          options: request.options,
          model: served,
          type,
        });
        facts.times = times;
        facts.failures = errorsOf(outcomes).filter((error) => error !== undefined);
        context.header('server-timing', serverTiming(times, facts.waited));
        const answer = isStored(body) ? body : toJson(body);
        if (key !== undefined && facts.failures.length === 0) {
          context.header('etag', `"${key}"`);
          await answers?.put(`${path}/${key}`, answer);
        }
        return send(context, answer);
      } finally {
        release();
      }
    }, raw.signal);
  };
}

/** Sends an answer, with what is known of where it came from. */
export function send(context: Context<ApiEnv>, { headers, body }: StoredAnswer): Response {
  const { cache } = context.get('facts');
  if (cache !== undefined) context.header('x-cache', cache);
  for (const [name, value] of Object.entries(headers)) context.header(name, value);
  return context.body(unshared(body));
}

function toJson(body: object): StoredAnswer {
  return { headers: { 'content-type': JSON_TYPE }, body: new TextEncoder().encode(JSON.stringify(body)) };
}

function isStored(body: object | StoredAnswer): body is StoredAnswer {
  return 'body' in body && body.body instanceof Uint8Array;
}
