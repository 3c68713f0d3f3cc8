// Why an input has no vector: the lines of failures.jsonl.

import { InputError, ModelError, SourceError } from '../core/errors.ts';

/** Plain data: it crosses threads and machines, and is written as it is. */
export interface Failure {
  /** The code of the error, `internal` for one that nobody expected. */
  readonly code: string;
  readonly reason: string;
}

export interface FailedItem extends Failure {
  readonly id: string;
  readonly location: string;
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof InputError || error instanceof ModelError || error instanceof SourceError) {
    return { code: error.code, reason: error.message };
  }
  return { code: 'internal', reason: error instanceof Error ? error.message : String(error) };
}

export function failureLine({ id, location, code, reason }: FailedItem): string {
  return `${JSON.stringify({ id, location, code, reason })}\n`;
}
