// The HTTP API: the routes in order, what stands around them, and what happens to requests that match none.

import { type ErrorHandler, type Handler, Hono } from 'hono';
import { cors } from 'hono/cors';
import { secureHeaders } from 'hono/secure-headers';
import { InputError, messageOf } from '../core/errors.ts';
import { createApiMetrics } from './api-metrics.ts';
import { ANSWER_HEADERS } from './api-route.ts';
import { servedRoutes } from './api-routes.ts';
import type { AppDependencies, Ready } from './dependencies.ts';
import { answeredError, errorCode, errorResponse, failuresOf, isOurs } from './error-response.ts';
import { guard } from './guard.ts';
import { limitIndexes } from './index-limit.ts';
import { refuseOtherMethods } from './method-not-allowed.ts';
import { observe } from './observe.ts';
import { memoryRateLimiter } from './rate-limit.ts';
import type { ApiEnv } from './request-facts.ts';
import { aliasRoutes } from './routes/aliases.ts';
import { analyze } from './routes/analyze.ts';
import { classify } from './routes/classify.ts';
import { docs, openapi } from './routes/documentation.ts';
import { embeddings, storedEmbeddings } from './routes/embeddings.ts';
import { livez, readyz } from './routes/health.ts';
import { indexRoutes } from './routes/indexes.ts';
import { metricsPage } from './routes/metrics.ts';
import { getModel, listModels } from './routes/models.ts';
import { pageRoutes, publishedModelRoutes } from './routes/page.ts';
import { similarity } from './routes/similarity.ts';

type Route = readonly ['GET' | 'POST', string, (dependencies: Ready) => Handler<ApiEnv>];

const ROUTES: readonly Route[] = [
  ['POST', '/v1/embeddings', embeddings],
  ['GET', '/v1/embeddings/:key', storedEmbeddings],
  ['POST', '/v1/classify', classify],
  ['POST', '/v1/analyze', analyze],
  ['POST', '/v1/similarity', similarity],
  ['GET', '/v1/models', listModels],
  ['GET', '/v1/models/:model', getModel],
  ['GET', '/livez', livez],
  ['GET', '/readyz', readyz],
  ['GET', '/metrics', metricsPage],
  ['GET', '/openapi.json', openapi],
  ['GET', '/docs', docs],
];

/** Everything below needs a key; the rest tells nothing that is not public. */
const SECURED = ['/v1/*', '/metrics'];

/** Headers of ours that a page of another origin may read. */
const EXPOSED_HEADERS = [...Object.keys(ANSWER_HEADERS), 'retry-after'];
const CORS_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];

/** What runtimes and tests need of the app. */
export type ApiApp = Pick<Hono<ApiEnv>, 'fetch' | 'request' | 'routes'>;

export function createApp(dependencies: AppDependencies): ApiApp {
  const ready = withDefaults(dependencies);
  const { access, corsOrigins, indexes, limits, page, publishedModel } = ready;
  const app = new Hono<ApiEnv>();
  app.use(observe(ready));
  app.use(secureHeaders());
  if (corsOrigins !== undefined && corsOrigins.length > 0) {
    // Hono takes '*' for itself only where it stands alone.
    const origin = corsOrigins.includes('*') ? '*' : [...corsOrigins];
    app.use(cors({ origin, allowMethods: CORS_METHODS, exposeHeaders: EXPOSED_HEADERS, maxAge: 86_400 }));
  }
  for (const path of SECURED) app.use(path, guard(access, corsOrigins));
  for (const [method, path, route] of ROUTES) {
    app.on(method, path, route(ready));
  }
  if (indexes !== undefined) {
    const store = limitIndexes(indexes, limits.maxIndexes);
    app.route('/v1/indexes', indexRoutes(ready, store));
    app.route('/v1/aliases', aliasRoutes(ready, store));
  }
  if (page !== undefined) app.route('/', pageRoutes(page));
  if (publishedModel !== undefined) app.route('/model', publishedModelRoutes(ready, publishedModel));
  refuseOtherMethods(app);
  const fail: ErrorHandler<ApiEnv> = (error, context) => {
    const facts = context.get('facts');
    facts.failures = failuresOf(error);
    facts.code = errorCode(error);
    if (isOurs(error)) facts.cause = messageOf(answeredError(error));
    const response = errorResponse(error);
    if (response.status === 401) response.headers.set('www-authenticate', 'Bearer');
    // Headers set before the failure (the model's id, Allow) belong to the answer too.
    for (const name of ['allow', 'x-model-id']) {
      const value = context.res.headers.get(name);
      if (value !== null) response.headers.set(name, value);
    }
    return response;
  };
  app.onError(fail);
  // Answered, not thrown: what is thrown here passes by the log and the headers of every other answer.
  app.notFound((context) => {
    const paths = new Set(servedRoutes({ indexes: indexes !== undefined }).map(({ path }) => path));
    const message = `Expected one of ${[...paths].join(', ')} but found ${context.req.path}.`;
    return fail(new InputError('not_found', message), context);
  });
  return app;
}

/** What a composition root left out, at its safest. */
function withDefaults(dependencies: AppDependencies): Ready {
  const { admission } = dependencies;
  return {
    access: { keys: () => [], rateLimiter: memoryRateLimiter({ limit: 1_000_000, period: 60 }) },
    metrics: createApiMetrics({
      engineMemoryBytes: () => 0,
      running: () => admission.running,
      waiting: () => admission.waiting,
    }),
    log: () => undefined,
    ...dependencies,
  };
}
