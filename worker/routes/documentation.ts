// GET /openapi.json and GET /docs: the API described, for programs and for people.

import type { Handler } from 'hono';
import { servedRoutes } from '../api-routes.ts';
import type { Ready } from '../dependencies.ts';
import { DOCS_CONTENT_SECURITY_POLICY, docsPage } from '../docs-page.ts';
import { type OpenApiDocument, openApiDocument } from '../openapi.ts';
import type { ApiEnv } from '../request-facts.ts';

/** Of the API, not of the software: raised when an answer changes its meaning. */
const API_VERSION = '1.0.0';

export function openapi(dependencies: Ready): Handler<ApiEnv> {
  const text = once(dependencies, (document) => JSON.stringify(document));
  return (context) => context.body(text(), 200, { 'content-type': 'application/json' });
}

export function docs(dependencies: Ready): Handler<ApiEnv> {
  const page = once(dependencies, docsPage);
  return (context) => {
    context.header('content-security-policy', DOCS_CONTENT_SECURITY_POLICY);
    return context.html(page());
  };
}

/** Made for the first who asks: starting up has no time for it, and nobody else should pay for it again. */
function once({ indexes }: Ready, write: (document: OpenApiDocument) => string): () => string {
  let written: string | undefined;
  return () => {
    written ??= write(openApiDocument(servedRoutes({ indexes: indexes !== undefined }), API_VERSION));
    return written;
  };
}
