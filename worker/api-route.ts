// One route as data: all that the document, the page and the tests need to know of it.

import type { ZodType } from 'zod';

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
  /** Statuses of failures, besides those every route shares. */
  readonly failures: readonly number[];
}
