// The HTTP API: the routes in order, and what happens to requests that match none of them.

import { type Handler, Hono } from 'hono';
import { InputError } from '../core/errors.ts';
import type { AppDependencies } from './dependencies.ts';
import { errorResponse, isOurs } from './error-response.ts';
import { analyze } from './routes/analyze.ts';
import { classify } from './routes/classify.ts';
import { embeddings } from './routes/embeddings.ts';
import { livez, readyz } from './routes/health.ts';
import { getModel, listModels } from './routes/models.ts';

type Route = readonly ['GET' | 'POST', string, (dependencies: AppDependencies) => Handler];

const ROUTES: readonly Route[] = [
  ['POST', '/v1/embeddings', embeddings],
  ['POST', '/v1/classify', classify],
  ['POST', '/v1/analyze', analyze],
  ['GET', '/v1/models', listModels],
  ['GET', '/v1/models/:model', getModel],
  ['GET', '/livez', livez],
  ['GET', '/readyz', readyz],
];

export function createApp(dependencies: AppDependencies): Hono {
  const app = new Hono();
  for (const [method, path, route] of ROUTES) {
    app.on(method, path, route(dependencies));
    app.all(path, (context) => {
      context.header('allow', method === 'GET' ? 'GET, HEAD' : method);
      throw new InputError(
        'method_not_allowed',
        `Expected ${method} for ${path} but found ${context.req.method}.`,
      );
    });
  }
  app.notFound((context) =>
    errorResponse(
      new InputError(
        'not_found',
        `Expected one of ${ROUTES.map(([, path]) => path).join(', ')} but found ${context.req.path}.`,
      ),
    ),
  );
  app.onError((error, context) => {
    if (isOurs(error)) dependencies.report(error);
    const response = errorResponse(error);
    // Headers set before the failure (the model's id, Allow) belong to the answer too.
    for (const name of ['allow', 'x-model-id']) {
      const value = context.res.headers.get(name);
      if (value !== null) response.headers.set(name, value);
    }
    return response;
  });
  return app;
}
