// A typed client of the HTTP API, for Node, browsers, Deno and Workers: `import … from 'vgg-edge/client'`.
// Its types are the API's schemas, so that a change of the API is a type error here.

import { askPatiently } from '../core/ask-patiently.ts';
import type { ApiError, ErrorAnswer, ItemError } from '../worker/schemas/answer.ts';
import type {
  AnalyzeAnswer,
  AnalyzeRequest,
  ClassifyAnswer,
  ClassifyRequest,
} from '../worker/schemas/classify.ts';
import type { EmbeddingsAnswer, EmbeddingsRequest } from '../worker/schemas/embeddings.ts';
import type { ImageInput } from '../worker/schemas/input.ts';
import type { ModelsAnswer } from '../worker/schemas/models.ts';
import type { SimilarityAnswer, SimilarityRequest } from '../worker/schemas/similarity.ts';
import { type Image, toImageInput, type Vector } from './images.ts';
import { createIndexClient, type IndexClient, type Request } from './indexes.ts';

export type { ImageItem, IndexClient, SearchBy, StoredItem, VectorItem } from './indexes.ts';
export type { ApiError, Image, ImageInput, ItemError, Vector };

export interface ClientOptions {
  /** Where the API is served, without `/v1`. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  readonly fetch?: typeof globalThis.fetch;
  /** Attempts after a 429 or 503, waiting as long as `Retry-After` says; 2 by default. */
  readonly retries?: number;
}

type Options<Request> = Omit<Request, 'input'>;

export interface Client {
  embed(images: Image | readonly Image[], options?: Options<EmbeddingsRequest>): Promise<EmbeddingsAnswer>;
  classify(images: Image | readonly Image[], options?: Options<ClassifyRequest>): Promise<ClassifyAnswer>;
  analyze(images: Image | readonly Image[], options?: Options<AnalyzeRequest>): Promise<AnalyzeAnswer>;
  compare(images: readonly Image[], options?: Options<SimilarityRequest>): Promise<SimilarityAnswer>;
  models(): Promise<ModelsAnswer>;
  /** Where the server keeps indexes; elsewhere each call fails with status 404. */
  readonly indexes: IndexClient;
}

/** An answer with a status that is an error, as the API words it. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly param: string | null;
  /** Of a list of which nothing worked: each item's error. */
  readonly errors: readonly ItemError[];

  constructor(status: number, { error: { message, code, param }, errors = [] }: ErrorAnswer) {
    super(message);
    this.name = 'ApiFailure';
    this.status = status;
    this.code = code;
    this.param = param;
    this.errors = errors;
  }
}

export function createClient({
  baseUrl,
  apiKey,
  fetch = globalThis.fetch,
  retries = 2,
}: ClientOptions): Client {
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const root = baseUrl.replace(/\/+$/, '');

  const call = async <Answer>(path: string, init: RequestInit): Promise<Answer> => {
    const response = await askPatiently(
      () => fetch(`${root}${path}`, { ...init, headers: { ...headers, ...init.headers } }),
      { retries, wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)) },
    );
    if (!response.ok) throw await failureOf(response);
    return (await response.json()) as Answer;
  };
  const request: Request = (method, path, body) =>
    call(path, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  const post = async <Answer>(
    path: string,
    images: Image | readonly Image[],
    options: object,
  ): Promise<Answer> => {
    const input = isList(images) ? await Promise.all(images.map(toImageInput)) : await toImageInput(images);
    return request<Answer>('POST', path, { ...options, input });
  };

  return {
    embed: (images, options = {}) => post('/v1/embeddings', images, options),
    classify: (images, options = {}) => post('/v1/classify', images, options),
    analyze: (images, options = {}) => post('/v1/analyze', images, options),
    compare: (images, options = {}) => post('/v1/similarity', images, options),
    models: () => request('GET', '/v1/models'),
    indexes: createIndexClient(request),
  };
}

function isList(images: Image | readonly Image[]): images is readonly Image[] {
  return Array.isArray(images);
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const answer: unknown = await response.json().catch(() => undefined);
  const { error, errors } = (answer ?? {}) as Partial<ErrorAnswer>;
  const unknown = {
    message: `HTTP status ${response.status}`,
    type: 'unknown',
    param: null,
    code: 'unknown',
  };
  return new ApiFailure(response.status, { error: error ?? unknown, errors });
}
