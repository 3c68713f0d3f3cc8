// Stands around every request: gives it an id and a trace, measures it, and writes its line in the log.

import type { MiddlewareHandler } from 'hono';
import { matchedRoutes, routePath } from 'hono/route';
import { type ApiMetrics, STAGES } from './api-metrics.ts';
import { errorCode, isOurs } from './error-response.ts';
import type { ApiEnv, RequestFacts } from './request-facts.ts';
import type { FailureReport, RequestLog } from './request-log.ts';
import { continueTrace } from './trace-context.ts';

export interface Observation {
  readonly metrics: ApiMetrics;
  readonly log: RequestLog;
  readonly report: FailureReport;
  /** Milliseconds from any fixed point. */
  readonly now: () => number;
}

export function observe({ metrics, log, report, now }: Observation): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const start = now();
    const trace = continueTrace(context.req.header('traceparent'));
    const facts: RequestFacts = { requestId: requestId(context.req.header('x-request-id')) };
    context.set('facts', facts);
    await next();
    context.header('x-request-id', facts.requestId);
    context.header('traceparent', trace.traceparent);

    const { method } = context.req;
    // What a route does not have is anybody's text, and so many labels.
    const isOwn = matchedRoutes(context).some((matched) => matched.method !== 'ALL');
    const { status } = context.res;
    const route = knownRoute(routePath(context, -1), status);
    const duration = now() - start;
    metrics.requests.add(1, { route, method: isOwn ? method : 'other', status: String(status) });
    metrics.duration.observe(duration / 1000, { route });
    metrics.requestBytes.add(facts.requestBytes ?? 0);
    if (facts.cache !== undefined) metrics.cache.add(1, { result: facts.cache });
    const told = new Set<string>();
    for (const failure of facts.failures ?? []) {
      const code = errorCode(failure);
      metrics.failures.add(1, { route, code });
      if (isOurs(failure) && !told.has(code)) report(failure, facts.requestId);
      told.add(code);
    }
    for (const stage of STAGES) {
      const time = stage === 'queue' ? facts.waited : facts.times?.[stage];
      if (time !== undefined) metrics.stage.observe(time / 1000, { stage });
    }
    const { key, code, cause, cache, requestBytes } = facts;
    log({
      requestId: facts.requestId,
      traceId: trace.traceId,
      method,
      route,
      status,
      duration,
      key,
      code,
      cause,
      requestBytes,
      cache,
    });
  };
}

/** The caller's own id where it is harmless in a log and a header; a fresh one otherwise. */
function requestId(given: string | undefined): string {
  return given !== undefined && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : crypto.randomUUID();
}

/** Paths as sent are anybody's text: only patterns of ours become labels. */
function knownRoute(pattern: string, status: number): string {
  return status === 404 && (pattern === '*' || pattern === '/*') ? 'unmatched' : pattern;
}
