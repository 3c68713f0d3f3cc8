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

/** `origins`: whose pages may ask although there are no keys (those that CORS names; `*` names none). */
export function guard(
  { keys, rateLimiter }: Access,
  origins: readonly string[] = [],
): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const facts = context.get('facts');
    facts.key = await nameOf(context.req.raw, readKeys(keys), origins);
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

async function nameOf(
  request: Request,
  keys: readonly ApiKey[],
  origins: readonly string[],
): Promise<string> {
  if (keys.length > 0)
    return (await authenticate(request.headers.get('authorization') ?? undefined, keys)).name;
  if (isLoopback(new URL(request.url).hostname)) {
    refuseForwarded(request);
    refuseStrangePages(request, origins);
    return LOCAL;
  }
  throw new InputError(
    'unauthorized',
    'This deployment has no API keys, so only requests on its own machine are answered. Its operator has to set the secret API_KEYS.',
    { param: 'authorization' },
  );
}

/** A proxy on this machine may speak for all the world, and rewrite the host's name as it does so. */
const PROXY_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

function refuseForwarded({ headers }: Request): void {
  const found = PROXY_HEADERS.find((name) => headers.has(name));
  if (found === undefined) return;
  throw new InputError(
    'unauthorized',
    `Without API keys, requests that a proxy passes on are not answered, and this one has the header ${found}. Set API_KEYS.`,
    { param: found },
  );
}

/** Without keys, any page that somebody opens on this machine could otherwise ask, and delete. */
function refuseStrangePages({ headers, url }: Request, origins: readonly string[]): void {
  const origin = headers.get('origin');
  if (origin !== null && origins.includes(origin)) return;
  // The browser's own word, which no page can change. The origin of a form is null where a page hides its
  // address (Referrer-Policy: no-referrer, which ours do).
  const site = headers.get('sec-fetch-site');
  if (
    site === null ? origin === null || origin === new URL(url).origin : ['none', 'same-origin'].includes(site)
  )
    return;
  throw new InputError(
    'unauthorized',
    'Without API keys, pages of other origins are not answered. Set API_KEYS, or name the origin in CORS_ORIGINS.',
    { param: 'origin' },
  );
}
