// How often one key may ask: the platform's counter where there is one, a counter in memory elsewhere.

export interface RateDecision {
  readonly allowed: boolean;
  /** Whole seconds until asking again may help; 0 when allowed. */
  readonly retryAfter: number;
}

export interface RateLimiter {
  /** Counts one request of this key. */
  take(key: string): Promise<RateDecision>;
}

export interface RateLimit {
  /** Requests per period. */
  readonly limit: number;
  /** Seconds; the platform's binding knows 10 and 60. */
  readonly period: number;
}

/** Cloudflare's rate limit binding: counts per location, not exact, never a round trip. */
export interface RateLimitBinding {
  limit(options: { key: string }): Promise<{ success: boolean }>;
}

/** The binding does not tell when its window ends, so the answer is the whole period, the worst case. */
export function platformRateLimiter(
  binding: RateLimitBinding,
  { period }: Pick<RateLimit, 'period'>,
): RateLimiter {
  return {
    async take(key) {
      const { success } = await binding.limit({ key });
      return { allowed: success, retryAfter: success ? 0 : period };
    },
  };
}

/** Keys remembered at once; the one that asked least recently is forgotten first. */
const MAX_KEYS = 10_000;

/**
 * A token bucket per key, which holds at most `limit` tokens and gains `limit` per `period`, so that a
 * burst is possible but no doubling at the edge of a window. `now` in milliseconds.
 */
export function memoryRateLimiter({ limit, period }: RateLimit, now: () => number = Date.now): RateLimiter {
  const buckets = new Map<string, { tokens: number; at: number }>();
  const perMillisecond = limit / (period * 1000);
  return {
    async take(key) {
      const at = now();
      const last = buckets.get(key) ?? { tokens: limit, at };
      const tokens = Math.min(limit, last.tokens + Math.max(0, at - last.at) * perMillisecond);
      const allowed = tokens >= 1;
      buckets.delete(key);
      buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, at });
      if (buckets.size > MAX_KEYS) buckets.delete(buckets.keys().next().value ?? key);
      return { allowed, retryAfter: allowed ? 0 : Math.ceil((1 - tokens) / perMillisecond / 1000) };
    },
  };
}
