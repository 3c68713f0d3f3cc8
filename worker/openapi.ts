// The routes and schemas as an OpenAPI 3.1 document. Zod gives JSON Schema 2020-12, which is what OpenAPI
// 3.1 speaks; the rest is a translation of worker/api-routes.ts.
// https://spec.openapis.org/oas/v3.1.1

import * as z from 'zod';
import { ANSWER_HEADERS, type AnswerHeader, type ApiRoute, COMMON_HEADERS } from './api-route.ts';
import { errorAnswer } from './schemas/answer.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly info: Readonly<Record<string, Json>>;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly [key: string]: Json };
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Json[];
  readonly requestBody?: Json;
  readonly responses: Readonly<Record<string, Json>>;
  readonly security: readonly Json[];
}

/** What each status means here; every answer but 200 and 304 has the error's form. */
const FAILURES: Readonly<Record<number, string>> = {
  400: 'The request cannot be read: malformed JSON, form or option.',
  401: 'No key, or one that is not known.',
  404: 'No such route, model, stored answer, index or item.',
  405: 'The route exists, but not with this method.',
  408: 'The body did not arrive in time.',
  409: 'The index holds vectors of another model, layer, pooling or length; or there are too many indexes.',
  413: 'The body, an image or the list is larger than allowed.',
  415: 'The body or an image is of a type that is not read here.',
  422: 'Understood, but impossible: a broken image, an option that does not fit, a URL that is not allowed.',
  429: 'Too many requests with this key; Retry-After tells when.',
  500: 'A defect of the server: please report it.',
  503: 'Too much work is waiting, the model fails, or it or the indexes are out of reach; Retry-After tells when.',
};

/** Statuses that any route may give, and those that only routes with a key may. */
const SHARED_FAILURES = [405, 500];
const SECURED_FAILURES = [401, 429];

const IF_NONE_MATCH: Json = {
  name: 'If-None-Match',
  in: 'header',
  description: 'ETags of answers that the caller has.',
  schema: { type: 'string' },
};
const NOT_MODIFIED: Json = {
  description: 'The answer is one that If-None-Match names; nothing was computed.',
  headers: headersOf(['etag']),
};

const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/webp'];

export function openApiDocument(routes: readonly ApiRoute[], version: string): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(route) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'vgg-edge',
      version,
      summary: 'Image embeddings by a quantised VGG, at the edge',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: jsonSchema(errorAnswer, 'output') },
    },
  };
}

function operation(route: ApiRoute): Operation {
  const { operationId, summary, description, secured, body } = route;
  const parameters = [
    ...pathParameters(route.path),
    ...(route.conditional === true ? [IF_NONE_MATCH] : []),
    ...(body?.raw === true && body.options !== undefined ? queryParameters(body.options) : []),
  ];
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: responses(route),
    security: secured ? [{ key: [] }] : [],
  };
}

function requestBody({ json, options, form, raw }: NonNullable<ApiRoute['body']>): Json {
  const binary = { type: 'string', format: 'binary' };
  const fields = options === undefined ? {} : propertiesOf(jsonSchema(options, 'input'));
  const properties = { image: { type: 'array', items: binary }, ...fields };
  return {
    required: true,
    content: {
      'application/json': { schema: jsonSchema(json, 'input') },
      ...(form
        ? { 'multipart/form-data': { schema: { type: 'object', properties, required: ['image'] } } }
        : {}),
      ...(raw ? Object.fromEntries(IMAGE_TYPES.map((type) => [type, { schema: binary }])) : {}),
    },
  };
}

function responses({ answer, headers = [], conditional, failures, secured }: ApiRoute): Record<string, Json> {
  const content = Object.fromEntries(
    Object.entries(answer).map(([type, schema]) => [
      type,
      typeof schema === 'string'
        ? { schema: { type: type === 'application/json' ? 'object' : 'string', description: schema } }
        : { schema: jsonSchema(schema, 'output') },
    ]),
  );
  const statuses = new Set([...failures, ...SHARED_FAILURES, ...(secured ? SECURED_FAILURES : [])]);
  return Object.fromEntries([
    ['200', { description: 'The answer.', headers: headersOf([...COMMON_HEADERS, ...headers]), content }],
    ...(conditional === true ? [['304', NOT_MODIFIED]] : []),
    ...[...statuses].toSorted((a, b) => a - b).map((status) => [String(status), failure(status)]),
  ]);
}

function headersOf(names: readonly AnswerHeader[]): Json {
  return Object.fromEntries(
    names.map((name) => [name, { description: ANSWER_HEADERS[name], schema: { type: 'string' } }]),
  );
}

function failure(status: number): Json {
  const retry = { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } };
  return {
    description: FAILURES[status] ?? 'Failed.',
    ...(status === 429 || status === 503 ? { headers: retry } : {}),
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  };
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

/** Options of a raw body stand in the query; objects there are written as JSON. */
function queryParameters(options: z.ZodType): Json[] {
  return Object.entries(propertiesOf(jsonSchema(options, 'input'))).map(([name, schema]) => {
    const isObject =
      typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'object';
    return {
      name,
      in: 'query',
      description: 'With an image as the whole body.',
      ...(isObject ? { content: { 'application/json': { schema } } } : { schema }),
    };
  });
}

function propertiesOf(schema: Json): { readonly [key: string]: Json } {
  const isObject = typeof schema === 'object' && schema !== null && 'properties' in schema;
  const properties = isObject ? schema.properties : undefined;
  return typeof properties === 'object' && properties !== null && !Array.isArray(properties)
    ? (properties as { readonly [key: string]: Json })
    : {};
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): { readonly [key: string]: Json } {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, reused: 'inline' });
  // Plain JSON: drops the hidden functions that Zod attaches.
  return JSON.parse(JSON.stringify(rest));
}
