// The variables and secrets of a deployment that are not sizes (those are worker/limits.ts) → who may ask,
// which URLs are fetched, what is stored. Every default is the safest one.

import * as z from 'zod';
import { InputError } from '../core/errors.ts';
import type { FetchImage, UrlImageSource } from '../net/url-image.ts';
import { parseUrlPolicy } from '../net/url-policy.ts';
import { type ApiKey, apiKeysFrom } from './api-keys.ts';
import type { Limits } from './limits.ts';
import type { RateLimit } from './rate-limit.ts';

const variables = z.object({
  ALLOWED_IMAGE_HOSTS: z.string().default(''),
  URL_TIMEOUT_MS: z.coerce.number().int().min(1).max(60_000).default(5000),
  CORS_ORIGINS: z.string().default(''),
  RATE_LIMIT: z.coerce.number().int().min(1).default(600),
  RATE_PERIOD_SECONDS: z.union([z.literal(10), z.literal(60), z.literal('10'), z.literal('60')]).default(60),
  PUBLISH_MODEL: z.union([z.boolean(), z.enum(['true', 'false'])]).default(false),
  CACHE_SECONDS: z.coerce.number().int().min(0).default(86_400),
});

export interface Settings {
  readonly keys: () => readonly ApiKey[];
  readonly rate: RateLimit;
  /** Undefined where no host is allowed. */
  readonly urlImages: UrlImageSource | undefined;
  readonly corsOrigins: readonly string[];
  /** Whether browsers may read the model's files. */
  readonly publishModel: boolean;
  /** How long answers are kept; 0 stores none. */
  readonly cacheSeconds: number;
}

/** At most so many redirects are followed for one image. */
const MAX_REDIRECTS = 3;

/**
 * `secret` gives the text of API_KEYS whenever it is asked, so that a rotated one holds at once.
 * Throws InputError naming the variable that is wrong.
 */
export function readSettings(
  bindings: object,
  secret: () => string | undefined,
  limits: Limits,
  fetch: FetchImage,
): Settings {
  const result = variables.safeParse(bindings);
  if (!result.success) {
    const name = result.error.issues[0]?.path.join('.') ?? '';
    const found = String(Reflect.get(bindings, name));
    throw new InputError(
      'invalid_argument',
      `Expected ${EXPECTED[name] ?? 'text'} for the variable ${name} but found ${found}.`,
      {
        param: name,
      },
    );
  }
  const values = result.data;
  const policy = parseUrlPolicy(values.ALLOWED_IMAGE_HOSTS);
  return {
    keys: apiKeysFrom(secret),
    rate: { limit: values.RATE_LIMIT, period: Number(values.RATE_PERIOD_SECONDS) },
    urlImages:
      policy.allowedHosts.length === 0
        ? undefined
        : {
            policy,
            fetch,
            limits: {
              maxBytes: limits.maxImageBytes,
              timeout: values.URL_TIMEOUT_MS,
              maxRedirects: MAX_REDIRECTS,
            },
          },
    corsOrigins: parseOrigins(values.CORS_ORIGINS),
    publishModel: String(values.PUBLISH_MODEL) === 'true',
    cacheSeconds: values.CACHE_SECONDS,
  };
}

/**
 * The list of CORS_ORIGINS, separated by commas or white space: origins as browsers send them, or `*`. Throws
 * InputError for anything else.
 */
function parseOrigins(text: string): string[] {
  const origins = text.split(/[\s,]+/).filter((entry) => entry !== '');
  for (const entry of origins) {
    // A pattern passes for a URL, and no browser would ever match it.
    const isOrigin = !entry.includes('*') && URL.canParse(entry) && new URL(entry).origin === entry;
    if (entry === '*' || isOrigin) continue;
    throw new InputError(
      'invalid_argument',
      `Expected origins such as 'https://app.example.org', without a path, or '*' in CORS_ORIGINS but found '${entry}'.`,
      { param: 'CORS_ORIGINS' },
    );
  }
  return origins;
}

const EXPECTED: Readonly<Record<string, string>> = {
  URL_TIMEOUT_MS: 'milliseconds from 1 to 60000',
  RATE_LIMIT: 'a whole number ≥ 1',
  RATE_PERIOD_SECONDS: '10 or 60',
  PUBLISH_MODEL: 'true or false',
  CACHE_SECONDS: 'a whole number of seconds ≥ 0',
};
