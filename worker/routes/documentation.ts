// GET /openapi.json and GET /docs: the API described, for programs and for people.

import type { Handler } from 'hono';
import { API_ROUTES } from '../api-routes.ts';
import { DOCS_CONTENT_SECURITY_POLICY, docsPage } from '../docs-page.ts';
import { type OpenApiDocument, openApiDocument } from '../openapi.ts';
import type { ApiEnv } from '../request-facts.ts';

/** Of the API, not of the software: raised when an answer changes its meaning. */
const API_VERSION = '1.0.0';

let described: OpenApiDocument | undefined;

/** Made by the first who asks: starting up has no time for it. */
function document(): OpenApiDocument {
  described ??= openApiDocument(API_ROUTES, API_VERSION);
  return described;
}

export function openapi(): Handler<ApiEnv> {
  return (context) => context.json(document());
}

export function docs(): Handler<ApiEnv> {
  return (context) => {
    context.header('content-security-policy', DOCS_CONTENT_SECURITY_POLICY);
    return context.html(docsPage(document()));
  };
}
