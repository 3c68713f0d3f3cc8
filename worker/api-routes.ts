// The routes as data: what /openapi.json and /docs are made of, and what a test compares with the app.

import type { AnswerHeader, ApiRoute } from './api-route.ts';
import { INDEX_ROUTES } from './index-api-routes.ts';
import {
  analyzeAnswer,
  analyzeOptions,
  analyzeRequest,
  classifyAnswer,
  classifyOptions,
  classifyRequest,
} from './schemas/classify.ts';
import { embeddingsAnswer, embeddingsOptions, embeddingsRequest } from './schemas/embeddings.ts';
import { livezAnswer, readyzAnswer } from './schemas/health.ts';
import { modelAnswer, modelsAnswer } from './schemas/models.ts';
import { similarityAnswer, similarityOptions, similarityRequest } from './schemas/similarity.ts';

/** Where images come in: everything that can be wrong with them. */
const IMAGE_FAILURES = [400, 404, 408, 413, 415, 422, 503];

const IMAGE_HEADERS: readonly AnswerHeader[] = ['etag', 'server-timing', 'x-cache', 'x-model-id'];
const FILE_HEADERS: readonly AnswerHeader[] = ['x-dtype', 'x-projection', 'x-scales', 'x-shape'];

const VECTOR_BYTES = 'Little-endian values, row-major, one row per image; all images must have worked.';

/** Those every deployment has. */
const API_ROUTES: readonly ApiRoute[] = [
  {
    method: 'post',
    path: '/v1/embeddings',
    operationId: 'createEmbeddings',
    summary: 'Embed images',
    description: "OpenAI's embeddings API with images as input: its SDKs work by changing the base URL.",
    secured: true,
    body: { json: embeddingsRequest, options: embeddingsOptions, form: true, raw: true },
    answer: {
      'application/json': embeddingsAnswer,
      'application/octet-stream': VECTOR_BYTES,
      'application/x-npy': 'The same as a .npy file, version 1.0.',
    },
    headers: [...IMAGE_HEADERS, ...FILE_HEADERS],
    conditional: true,
    failures: IMAGE_FAILURES,
  },
  {
    method: 'get',
    path: '/v1/embeddings/{key}',
    operationId: 'getEmbeddings',
    summary: 'A stored answer, by its ETag',
    secured: true,
    answer: {
      'application/json': embeddingsAnswer,
      'application/octet-stream': VECTOR_BYTES,
      'application/x-npy': 'The same as a .npy file, version 1.0.',
    },
    headers: ['etag', 'x-cache', ...FILE_HEADERS],
    conditional: true,
    failures: [404],
  },
  {
    method: 'post',
    path: '/v1/classify',
    operationId: 'classify',
    summary: 'Name what images show',
    secured: true,
    body: { json: classifyRequest, options: classifyOptions, form: true, raw: true },
    answer: { 'application/json': classifyAnswer },
    headers: IMAGE_HEADERS,
    conditional: true,
    failures: IMAGE_FAILURES,
  },
  {
    method: 'post',
    path: '/v1/analyze',
    operationId: 'analyze',
    summary: 'Features and scores of one pass',
    secured: true,
    body: { json: analyzeRequest, options: analyzeOptions, form: true, raw: true },
    answer: { 'application/json': analyzeAnswer },
    headers: IMAGE_HEADERS,
    conditional: true,
    failures: IMAGE_FAILURES,
  },
  {
    method: 'post',
    path: '/v1/similarity',
    operationId: 'compare',
    summary: 'How alike images are, and where',
    secured: true,
    body: { json: similarityRequest, options: similarityOptions, form: true, raw: false },
    answer: { 'application/json': similarityAnswer },
    headers: IMAGE_HEADERS,
    conditional: true,
    failures: IMAGE_FAILURES,
  },
  {
    method: 'get',
    path: '/v1/models',
    operationId: 'listModels',
    summary: 'What is served',
    secured: true,
    answer: { 'application/json': modelsAnswer },
    headers: ['x-model-id'],
    failures: [503],
  },
  {
    method: 'get',
    path: '/v1/models/{model}',
    operationId: 'getModel',
    summary: 'One model, by name or id',
    secured: true,
    answer: { 'application/json': modelAnswer },
    headers: ['x-model-id'],
    failures: [404, 503],
  },
  {
    method: 'get',
    path: '/livez',
    operationId: 'live',
    summary: 'Whether the process answers',
    secured: false,
    answer: { 'application/json': livezAnswer },
    failures: [],
  },
  {
    method: 'get',
    path: '/readyz',
    operationId: 'ready',
    summary: 'Whether an inference works: runs one, or tells of one just run',
    secured: false,
    answer: { 'application/json': readyzAnswer },
    headers: ['x-model-id'],
    failures: [503],
  },
  {
    method: 'get',
    path: '/metrics',
    operationId: 'metrics',
    summary: 'Numbers for Prometheus',
    secured: true,
    answer: { 'text/plain': 'Prometheus text format 0.0.4' },
    failures: [],
  },
  {
    method: 'get',
    path: '/openapi.json',
    operationId: 'openapi',
    summary: 'This document',
    secured: false,
    answer: { 'application/json': 'OpenAPI 3.1' },
    failures: [],
  },
  {
    method: 'get',
    path: '/docs',
    operationId: 'docs',
    summary: 'This document, for people',
    secured: false,
    answer: { 'text/html': 'A page that needs nothing from elsewhere.' },
    failures: [],
  },
];

/** What an app serves: the routes of indexes only where it has a store for them. */
export function servedRoutes(parts: { readonly indexes: boolean }): readonly ApiRoute[] {
  return parts.indexes ? [...API_ROUTES, ...INDEX_ROUTES] : API_ROUTES;
}
