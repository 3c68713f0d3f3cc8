// What Cloudflare gives beside the model: the counter of the rate limit, the cache, the log, the network.

import { platformAnswerCache } from './answer-cache.ts';
import type { AppDependencies } from './dependencies.ts';
import type { Limits } from './limits.ts';
import { memoryRateLimiter, platformRateLimiter, type RateLimitBinding } from './rate-limit.ts';
import { jsonLog } from './request-log.ts';
import { readSettings } from './settings.ts';

export interface PlatformBindings {
  /** The secret; see worker/api-keys.ts. */
  readonly API_KEYS?: string;
  /** `[[ratelimits]]` of wrangler.toml. */
  readonly RATE_LIMITER?: RateLimitBinding;
}

type PlatformDependencies = Pick<AppDependencies, 'access' | 'answers' | 'corsOrigins' | 'log' | 'urlImages'>;

export function platformDependencies(bindings: PlatformBindings, limits: Limits): PlatformDependencies {
  const fetchImage = (url: URL, init: RequestInit) => fetch(url, init);
  const settings = readSettings(bindings, () => bindings.API_KEYS, limits, fetchImage);
  if ((bindings.API_KEYS ?? '') === '') {
    console.warn('API_KEYS is not set: only requests to a loopback address are answered.');
  }
  const { RATE_LIMITER } = bindings;
  return {
    access: {
      keys: settings.keys,
      rateLimiter:
        RATE_LIMITER === undefined
          ? memoryRateLimiter(settings.rate)
          : platformRateLimiter(RATE_LIMITER, settings.rate),
    },
    ...(settings.cacheSeconds === 0
      ? {}
      : { answers: platformAnswerCache(caches.default, settings.cacheSeconds) }),
    corsOrigins: settings.corsOrigins,
    log: jsonLog((line) => console.log(line)),
    urlImages: settings.urlImages,
  };
}
