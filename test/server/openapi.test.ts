// The API's document and its page.

import { validate } from '@readme/openapi-parser';
import { describe, expect, test } from 'vitest';
import { API_ROUTES } from '../../worker/api-routes.ts';
import { DOCS_CONTENT_SECURITY_POLICY, docsPage } from '../../worker/docs-page.ts';
import { openApiDocument } from '../../worker/openapi.ts';

const document = openApiDocument(API_ROUTES, '0.1.0');

test('is valid OpenAPI 3.1', async () => {
  expect(await validate(JSON.parse(JSON.stringify(document)))).toMatchObject({
    valid: true,
    specification: 'OpenAPI',
  });
});

test('every route is in it, with a name of its own', () => {
  const names = API_ROUTES.map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const { method, path } of API_ROUTES) expect(document.paths[path]?.[method]).toBeDefined();
});

describe.each(API_ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const))(
  '%s',
  (_, route) => {
    const operation = document.paths[route.path]?.[route.method];

    test('asks for a key exactly where one is needed', () => {
      expect(operation?.security).toEqual(route.secured ? [{ key: [] }] : []);
      expect('401' in (operation?.responses ?? {})).toBe(route.secured);
    });

    test('every failure has the one form of errors; 429 and 503 tell when to come back', () => {
      for (const [status, response] of Object.entries(operation?.responses ?? {})) {
        if (status === '200') continue;
        expect(response).toHaveProperty('content.application/json.schema.$ref', '#/components/schemas/Error');
        if (status === '429' || status === '503') expect(response).toHaveProperty('headers.Retry-After');
      }
    });
  },
);

test('defaults, limits and choices are told', () => {
  const schema = document.paths['/v1/embeddings']?.post?.requestBody;
  expect(schema).toHaveProperty('content.application/json.schema.properties.pool', {
    default: 'none',
    type: 'string',
    enum: ['none', 'avg', 'max', 'gem', 'rmac'],
    description: 'Pooling over the 7×7 map; only with the layer features.',
  });
  expect(schema).toHaveProperty('content.application/json.schema.required', ['input']);
  expect(schema).toHaveProperty('content.application/json.schema.additionalProperties', false);
});

describe('the page', () => {
  const page = docsPage(document);

  test('shows every route', () => {
    for (const { path, operationId } of API_ROUTES) {
      expect(page).toContain(path);
      expect(page).toContain(`id="${operationId}"`);
    }
  });

  test('needs nothing from elsewhere and runs nothing', () => {
    expect(page).not.toMatch(/<script|<link|<img|src=|url\(|@import|href="(?!\/openapi\.json)/i);
    expect(DOCS_CONTENT_SECURITY_POLICY).toContain("default-src 'none'");
  });

  test('text stays text', () => {
    const hostile = { ...document, info: { title: '<script>alert(1)</script>', version: '"', summary: '&' } };
    expect(docsPage(hostile)).not.toContain('<script>');
  });
});
