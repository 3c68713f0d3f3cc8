// Who may ask, and how often: stands before every route with a key. The checks are in the order of their
// cost, and none of them reads the body.

import type { MiddlewareHandler } from 'hono';
import { InputError, SourceError } from '../core/errors.ts';
import { type ApiKey, authenticate, isLoopback } from './api-keys.ts';
import type { RateLimiter } from './rate-limit.ts';
import type { ApiEnv } from './request-facts.ts';

export interface Access {
  /** The keys that hold now; none switches keys off, for requests to a loopback address only. */
  readonly keys: () => readonly ApiKey[];
  readonly rateLimiter: RateLimiter;
}

/** Requests on loopback without keys share this name in logs and limits. */
const LOCAL = 'loopback';

export function guard({ keys, rateLimiter }: Access): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const facts = context.get('facts');
    facts.key = await nameOf(context.req.raw, readKeys(keys));
    const { allowed, retryAfter } = await rateLimiter.take(facts.key);
    if (!allowed) {
      throw new SourceError(
        'too_many_requests',
        `Too many requests with the key '${facts.key}'. Try again in ${retryAfter} s.`,
        {
          retryAfter,
        },
      );
    }
    await next();
  };
}

/** A malformed secret is not the caller's fault, and its error no stranger's business. */
function readKeys(keys: () => readonly ApiKey[]): readonly ApiKey[] {
  try {
    return keys();
  } catch (cause) {
    throw new Error('The secret API_KEYS cannot be read.', { cause });
  }
}

async function nameOf(request: Request, keys: readonly ApiKey[]): Promise<string> {
  if (keys.length > 0)
    return (await authenticate(request.headers.get('authorization') ?? undefined, keys)).name;
  if (isLoopback(new URL(request.url).hostname)) return LOCAL;
  throw new InputError(
    'unauthorized',
    'This deployment has no API keys, so only requests on its own machine are answered. Its operator has to set the secret API_KEYS.',
    { param: 'authorization' },
  );
}
