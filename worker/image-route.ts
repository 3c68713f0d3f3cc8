// The frame of every route that takes images: cheap checks, a place in the queue, the body, the work, and
// the headers that all of them send.

import type { Handler } from 'hono';
import type { z } from 'zod';
import type { EmbedTimes, ImageSource } from '../core/embedder.ts';
import { MODEL_HEADER, serverTiming } from './answer.ts';
import type { AppDependencies } from './dependencies.ts';
import { checkHead, type ImageOptionsSchema, readImageRequest } from './image-request.ts';
import { checkModel, type ServedModel } from './served-model.ts';

export interface ImageWork<Options> {
  readonly images: readonly ImageSource[];
  readonly options: Options;
  readonly model: ServedModel;
}

export interface ImageAnswer {
  readonly body: object;
  readonly times: Readonly<EmbedTimes>;
}

/**
 * Nothing is read of a request that waits: a body is held in memory only by those whose turn it is.
 */
export function imageRoute<Schema extends ImageOptionsSchema>(
  { model, limits, admission, now }: AppDependencies,
  schema: Schema,
  work: (work: ImageWork<z.output<Schema>>) => Promise<ImageAnswer>,
): Handler {
  return async (context) => {
    const { raw } = context.req;
    checkHead(raw, limits);
    const arrived = now();
    return admission.run(async () => {
      const waited = now() - arrived;
      const { images, options } = await readImageRequest(raw, schema, limits);
      const served = await model();
      context.header(MODEL_HEADER, served.id);
      checkModel(options.model, served);
      const { body, times } = await work({ images, options, model: served });
      context.header('server-timing', serverTiming(times, waited));
      return context.json(body);
    });
  };
}
