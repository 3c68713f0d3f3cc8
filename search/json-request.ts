// One JSON request to a database's HTTP API, its answer checked, its failures sorted by who must act.

import type * as z from 'zod';
import { InputError, SourceError } from '../core/errors.ts';

export interface JsonRequest<Answer> {
  /** Named in errors. */
  readonly service: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, or as it is where it is a string. */
  readonly body?: unknown;
  readonly answer: z.ZodType<Answer>;
  readonly fetch: typeof globalThis.fetch;
}

const TIMEOUT_MS = 30_000;
const MAX_REASON = 300;

/**
 * Undefined for 404. Throws InputError('unauthorized') for 401 and 403, SourceError for everything else
 * that is no success, and for an answer of another form.
 */
export async function requestJson<Answer>(request: JsonRequest<Answer>): Promise<Answer | undefined> {
  const { service, method, url, headers, body, answer } = request;
  let response: Response;
  let text: string;
  try {
    response = await request.fetch(url, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    text = await response.text();
  } catch (cause) {
    throw new SourceError('unreachable', `${service} at ${url.origin} did not answer.`, { cause });
  }
  if (response.status === 404) return undefined;
  const what = `${service} answered ${response.status} to ${method} ${url.pathname}`;
  if (response.status === 401 || response.status === 403) {
    throw new InputError('unauthorized', `${what}. Check its key.`);
  }
  if (!response.ok) throw new SourceError('unreachable', `${what}: ${text.slice(0, MAX_REASON)}`);
  try {
    return answer.parse(JSON.parse(text));
  } catch (cause) {
    throw new SourceError('unreachable', `${what} with a body of another form than documented.`, { cause });
  }
}
