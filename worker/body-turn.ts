// A request with a body on the routes that are not the images': its head is judged at once, its body read when its
// turn has come.

import type { Context } from 'hono';
import type * as z from 'zod';
import type { Ready } from './dependencies.ts';
import { bodyLimits } from './image-request.ts';
import { parseOptions } from './parse-options.ts';
import { checkDeclared, readBody } from './read-body.ts';
import { checkJsonType, parseJsonObject } from './read-json.ts';
import type { ApiEnv } from './request-facts.ts';

export interface BodyTurn {
  /** Runs the work in the request's turn. Throws InputError for a body of another kind, or declared too large. */
  inTurn(context: Context<ApiEnv>, work: () => Promise<Response>, kind?: 'json' | 'image'): Promise<Response>;
  /** Throws InputError. */
  readJson<Schema extends z.ZodObject>(context: Context<ApiEnv>, schema: Schema): Promise<z.output<Schema>>;
  /** The body as it is: an image. Throws InputError. */
  readImage(context: Context<ApiEnv>): Promise<Uint8Array<ArrayBuffer>>;
}

export function bodyTurn({ admission, limits, now }: Ready): BodyTurn {
  const read = (context: Context<ApiEnv>, kind: 'json' | 'image') =>
    readBody(context.req.raw, bodyLimits(kind, limits), context.get('facts'));
  return {
    async inTurn(context, work, kind = 'json') {
      if (kind === 'json') checkJsonType(context.req.header('content-type'));
      checkDeclared(context.req.raw, bodyLimits(kind, limits));
      const arrived = now();
      return admission.run(() => {
        context.get('facts').waited = now() - arrived;
        return work();
      }, context.req.raw.signal);
    },
    readJson: async (context, schema) => parseOptions(schema, parseJsonObject(await read(context, 'json'))),
    readImage: (context) => read(context, 'image'),
  };
}
