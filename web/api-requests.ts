// Requests to the API: the key, the waiting, and what went wrong in the reader's words.

import type { ErrorAnswer } from '../worker/schemas/answer.ts';
import { ApiError, LateError, OfflineError } from './page-error.ts';

/** Milliseconds after which an answer is not waited for any longer. */
const PATIENCE = 90_000;

export type Method = 'GET' | 'POST' | 'DELETE';

export interface ApiRequests {
  /** A Blob goes as the image it is, an object as JSON. Throws ApiError, OfflineError, LateError. */
  send(method: Method, path: string, body?: Blob | object): Promise<Response>;
  ask<Answer>(method: Method, path: string, body?: Blob | object): Promise<Answer>;
}

/** `key` gives what is sent as `Authorization`, empty where none is asked for. */
export function createApiRequests(key: () => string): ApiRequests {
  const send = async (method: Method, path: string, body?: Blob | object): Promise<Response> => {
    const headers: Record<string, string> = {};
    if (key() !== '') headers.authorization = `Bearer ${key()}`;
    const isPhoto = body instanceof Blob;
    if (body !== undefined) headers['content-type'] = isPhoto ? imageType(body) : 'application/json';
    let response: Response;
    try {
      response = await fetch(path, {
        method,
        headers,
        body: body === undefined ? null : isPhoto ? body : JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch (error) {
      throw error instanceof DOMException && error.name === 'TimeoutError'
        ? new LateError(PATIENCE)
        : new OfflineError();
    }
    if (response.ok) return response;
    throw await errorOf(response);
  };
  return {
    send,
    ask: async <Answer>(method: Method, path: string, body?: Blob | object) =>
      answerOf<Answer>(await send(method, path, body)),
  };
}

/** The connection may break before the whole answer has come: throws OfflineError. */
export async function answerOf<Answer>(response: Response): Promise<Answer> {
  const answer: unknown = await response.json().catch(() => {
    throw new OfflineError();
  });
  return answer as Answer;
}

/** What an image is, its bytes say; a file without a known type goes as JPEG. */
export function imageType({ type }: Blob): string {
  return type.startsWith('image/') ? type : 'image/jpeg';
}

async function errorOf(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as ErrorAnswer;
    return new ApiError(error.message, response.status, error.code);
  } catch {
    return new ApiError(`The server answered with status ${response.status}.`, response.status, 'unknown');
  }
}
