// Errors → HTTP: the one place where a code becomes a status. The body is shaped as OpenAI's, so that
// its clients raise their own typed errors.

import {
  InputError,
  type InputErrorCode,
  ModelError,
  SourceError,
  type SourceErrorCode,
} from '../core/errors.ts';
import type { ApiError, ItemError } from './schemas/answer.ts';

const INPUT_STATUS: Readonly<Record<InputErrorCode, number>> = {
  bad_request: 400,
  invalid_json: 400,
  unauthorized: 401,
  not_found: 404,
  method_not_allowed: 405,
  body_timeout: 408,
  index_mismatch: 409,
  alias_conflict: 409,
  too_many_indexes: 409,
  body_too_large: 413,
  image_too_large: 413,
  unsupported_image: 415,
  unsupported_media_type: 415,
  invalid_argument: 422,
  invalid_file: 422,
  invalid_image: 422,
  invalid_option: 422,
  invalid_weights: 422,
  url_not_allowed: 422,
  url_not_fetched: 422,
};

const SOURCE_STATUS: Readonly<Record<SourceErrorCode, number>> = {
  too_many_requests: 429,
  overloaded: 503,
  unreachable: 503,
  missing_file: 503,
  checksum_mismatch: 503,
};

/** Seconds a client is asked to wait where the error does not know better. */
const RETRY_AFTER = 1;
/** Seconds where somebody has to put the model right first. */
const RETRY_AFTER_REPAIR = 60;

interface ErrorAnswer {
  readonly status: number;
  readonly body: ApiError;
  readonly retryAfter: number | undefined;
}

/**
 * The answer to a request that failed. An AggregateError stands for a list, its errors at the places of the items
 * that failed: the first gives the status. Only failures of ours are answered without their message.
 */
export function errorResponse(error: unknown): Response {
  const all = error instanceof AggregateError ? error.errors : [error];
  const { status, body, retryAfter } = describeError(answeredError(error));
  const answer = all.length > 1 ? { error: body, errors: listErrors(all) } : { error: body };
  const headers = new Headers();
  if (retryAfter !== undefined) headers.set('retry-after', String(retryAfter));
  return Response.json(answer, { status, headers });
}

/** The errors of a list's items, each with the item's position. */
export function listErrors(errors: readonly unknown[]): ItemError[] {
  return errors.flatMap((error, index) =>
    error === undefined ? [] : [{ index, error: describeError(error).body }],
  );
}

/** What failed: of a list, its items. */
export function failuresOf(error: unknown): readonly unknown[] {
  return error instanceof AggregateError ? error.errors.filter((item) => item !== undefined) : [error];
}

/** The error that an answer is: of a list, the first. */
export function answeredError(error: unknown): unknown {
  return failuresOf(error)[0];
}

/** The code by which an answer's error goes in logs and metrics. */
export function errorCode(error: unknown): string {
  return describeError(answeredError(error)).body.code;
}

/**
 * Whether somebody who runs the service should see its stack: neither what a caller did wrong, nor a full
 * queue, which the log and the metrics tell without one.
 */
export function isOurs(error: unknown): boolean {
  const { status, body } = describeError(answeredError(error));
  return status >= 500 && body.code !== 'overloaded';
}

function describeError(error: unknown): ErrorAnswer {
  if (error instanceof InputError) return answer(INPUT_STATUS[error.code], error);
  if (error instanceof SourceError) return answer(SOURCE_STATUS[error.code], error, RETRY_AFTER);
  if (error instanceof ModelError) return answer(503, error, RETRY_AFTER_REPAIR);
  const body = {
    message: 'The server failed in a way it did not foresee. The request may be tried again.',
    type: typeOf(500),
    param: null,
    code: 'internal_error',
  };
  return { status: 500, body, retryAfter: undefined };
}

function answer(
  status: number,
  error: InputError | SourceError | ModelError,
  retryAfter?: number,
): ErrorAnswer {
  const { message, code, param } = error;
  return {
    status,
    body: { message: clip(message), type: typeOf(status), param: clip(param ?? null, MAX_PARAM), code },
    retryAfter: error.retryAfter ?? retryAfter,
  };
}

/** What was sent is repeated so that it is recognised, not sent back whole. */
const MAX_MESSAGE = 1000;
const MAX_PARAM = 100;

function clip<Text extends string | null>(text: Text, length = MAX_MESSAGE): Text | string {
  return text === null || text.length <= length ? text : `${text.slice(0, length)}…`;
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
