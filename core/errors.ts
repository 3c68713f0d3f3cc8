// Three errors by who must act. Each becomes an HTTP status or an exit code in exactly one place
// (worker/error-response.ts, cli/main.ts).

/** Codes a caller can act on; the HTTP status of each stands in worker/error-response.ts. */
export type InputErrorCode =
  | 'bad_request'
  | 'invalid_json'
  | 'invalid_option'
  | 'invalid_image'
  | 'unsupported_image'
  | 'image_too_large'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'invalid_weights'
  | 'invalid_file'
  | 'invalid_argument'
  | 'not_found'
  | 'index_mismatch'
  | 'alias_conflict'
  | 'too_many_indexes'
  | 'method_not_allowed'
  | 'body_timeout'
  | 'unauthorized'
  | 'url_not_allowed'
  | 'url_not_fetched';

export type ModelErrorCode = 'invalid_manifest' | 'corrupt_shard' | 'engine_failed' | 'out_of_memory';
export type SourceErrorCode =
  | 'unreachable'
  | 'missing_file'
  | 'checksum_mismatch'
  | 'too_many_requests'
  | 'overloaded';

interface ErrorDetails {
  /** The option, field, file or tensor the message is about. */
  readonly param?: string;
  readonly cause?: unknown;
  /** Whole seconds after which trying again may help. */
  readonly retryAfter?: number;
}

abstract class VggEdgeError<Code extends string> extends Error {
  readonly code: Code;
  readonly param: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.param = details.param;
    this.retryAfter = details.retryAfter;
  }
}

/** The caller sent something wrong: say what, where, what was expected, what to do. Not retryable. */
export class InputError extends VggEdgeError<InputErrorCode> {}

/** The model directory is wrong or its engine failed; permanent until the model is replaced. */
export class ModelError extends VggEdgeError<ModelErrorCode> {}

/** Fetching bytes failed; trying again may help. */
export class SourceError extends VggEdgeError<SourceErrorCode> {}

/** What was thrown, for people to read: anything may be. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
