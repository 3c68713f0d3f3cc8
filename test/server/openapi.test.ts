// The API's document and its page.

import { validate } from '@readme/openapi-parser';
import { describe, expect, test } from 'vitest';
import { servedRoutes } from '../../worker/api-routes.ts';
import { DOCS_CONTENT_SECURITY_POLICY, docsPage } from '../../worker/docs-page.ts';
import { openApiDocument } from '../../worker/openapi.ts';

const ROUTES = servedRoutes({ indexes: true });
const document = openApiDocument(ROUTES, '0.1.0');

test('is valid OpenAPI 3.1', async () => {
  expect(await validate(JSON.parse(JSON.stringify(document)))).toMatchObject({
    valid: true,
    specification: 'OpenAPI',
  });
});

test('every route is in it, with a name of its own', () => {
  const names = ROUTES.map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const { method, path } of ROUTES) expect(document.paths[path]?.[method]).toBeDefined();
});

describe.each(ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', (_, route) => {
  const operation = document.paths[route.path]?.[route.method];

  test('asks for a key exactly where one is needed', () => {
    expect(operation?.security).toEqual(route.secured ? [{ key: [] }] : []);
    expect('401' in (operation?.responses ?? {})).toBe(route.secured);
  });

  test('every failure has the one form of errors; 429 and 503 tell when to come back', () => {
    for (const [status, response] of Object.entries(operation?.responses ?? {})) {
      if (status === '200' || status === '304') continue;
      expect(response).toHaveProperty('content.application/json.schema.$ref', '#/components/schemas/Error');
      if (status === '429' || status === '503') expect(response).toHaveProperty('headers.Retry-After');
    }
  });
});

test('an answer that has a name has its headers, and 304', () => {
  const { parameters, responses } = document.paths['/v1/embeddings']?.post ?? {};
  expect(parameters).toContainEqual(expect.objectContaining({ name: 'If-None-Match', in: 'header' }));
  expect(responses).toHaveProperty('304.headers.etag');
  expect(responses).toHaveProperty('200.headers.x-scales');
  expect(document.paths['/v1/models']?.get?.responses).not.toHaveProperty('304');
});

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

test('of an index, what may be in a search and in metadata', () => {
  const search = document.paths['/v1/indexes/{index}/search']?.post;
  const properties = 'requestBody.content.application/json.schema.properties';
  expect(search).toHaveProperty(`${properties}.top_k`, {
    default: 10,
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    description: 'Hits wanted.',
  });
  expect(search?.parameters).toContainEqual(expect.objectContaining({ name: 'index', in: 'path' }));
  expect(search?.parameters).toContainEqual(expect.objectContaining({ name: 'min_score', in: 'query' }));
  const filter = search?.parameters?.find((each) => JSON.stringify(each).includes('"filter"'));
  expect(filter).toHaveProperty('content.application/json.schema.type', 'object');
  expect(document.paths['/v1/indexes/{index}/items']?.post).toHaveProperty(
    `${properties}.items.items.properties.metadata.additionalProperties.type`,
    ['string', 'number', 'boolean'],
  );
});

describe('the page', () => {
  const page = docsPage(document);

  test('shows how to send images, or JSON where no form is read', () => {
    expect(page).toMatch(/v1\/embeddings&#34;[^\n]*-F image=@photo.jpg/);
    expect(page).toMatch(/v1\/indexes\/\{index\}\/search&#34;[^\n]*-d @request.json/);
  });

  test('shows the fields of a body, with their values and defaults', () => {
    expect(page).toMatch(/<td><code>input<\/code><\/td><td><\/td><td>required<\/td>/);
    expect(page).toMatch(
      /<td><code>dtype<\/code><\/td><td><code>float32<\/code>, .*<td><code>float32<\/code><\/td>/,
    );
  });

  test('shows every route', () => {
    for (const { path, operationId } of ROUTES) {
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
