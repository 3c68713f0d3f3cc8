// One route as data: all that the document, the page and the tests need to know of it.

import type { ZodType } from 'zod';

/** Headers of ours that answers have, and what they tell. A page of another origin may read them. */
export const ANSWER_HEADERS = {
  etag: 'Names the answer: for If-None-Match, and GET /v1/embeddings/{key}. None where an item failed.',
  'server-timing': 'Milliseconds of queue, decode, preprocess, backbone, head and descriptor.',
  traceparent: 'W3C Trace Context: the trace of the request.',
  'x-cache': 'hit or miss, where answers are stored.',
  'x-dtype': 'Of a vector file: float32, int8, or uint8 with eight bits each.',
  'x-model-id': 'Name and content hash of the model.',
  'x-projection': 'Of a vector file: identity of the projection that gave its dimensions.',
  'x-request-id': "The caller's own id where it is plain, otherwise a fresh one.",
  'x-scales': 'Of a vector file with dtype int8: the scale of each row.',
  'x-shape': 'Of a vector file: rows and values of a row.',
} as const;

export type AnswerHeader = keyof typeof ANSWER_HEADERS;

/** Those of every answer. */
export const COMMON_HEADERS: readonly AnswerHeader[] = ['traceparent', 'x-request-id'];

export interface ApiRoute {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** With `{name}` for a parameter. */
  readonly path: string;
  /** The name a generated client gives the call. */
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  /** Whether a key is needed. */
  readonly secured: boolean;
  readonly body?: {
    readonly json: ZodType;
    /** Options beside the images of a form, or in the query of a raw body. */
    readonly options?: ZodType;
    /** Whether images may come as files of a form. */
    readonly form: boolean;
    /** Whether one image may be the whole body. */
    readonly raw: boolean;
  };
  /** Media types of a good answer: a schema for JSON, a description of the bytes otherwise. */
  readonly answer: Readonly<Record<string, ZodType | string>>;
  /** Headers that a good answer may have, besides those of every route. */
  readonly headers?: readonly AnswerHeader[];
  /** Whether `If-None-Match` is answered with 304. */
  readonly conditional?: true;
  /** Statuses of failures, besides those every route shares. */
  readonly failures: readonly number[];
}
