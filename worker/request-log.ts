// One line of JSON per request, for machines that collect logs. What could hold an image or a key is not
// in its type: no header, no body, no query, no URL of an image.

import { messageOf } from '../core/errors.ts';

export interface RequestLogEntry {
  readonly requestId: string;
  readonly traceId: string;
  readonly method: string;
  /** The route's pattern, never the path as sent. */
  readonly route: string;
  readonly status: number;
  /** Milliseconds. */
  readonly duration: number;
  /** The name of the key, which is not the key. */
  readonly key: string | undefined;
  /** The error's code, and its message only where nobody outside caused it. */
  readonly code: string | undefined;
  readonly cause: string | undefined;
  readonly requestBytes: number | undefined;
  readonly cache: 'hit' | 'miss' | undefined;
}

export type RequestLog = (entry: RequestLogEntry) => void;

/** Errors have causes that have causes; some might be their own. */
const MAX_CAUSES = 8;

/** Told of a failure, and of which request it is. */
export type FailureReport = (error: unknown, requestId: string) => void;

/** Writes what failed as one line of JSON: its message, its stack, and what the messages of its causes say. */
export function jsonReport(write: (line: string) => void, now: () => Date = () => new Date()): FailureReport {
  return (error, requestId) => {
    const causes: string[] = [];
    for (
      let cause = causeOf(error);
      cause !== undefined && causes.length < MAX_CAUSES;
      cause = causeOf(cause)
    ) {
      causes.push(messageOf(cause));
    }
    const stack = error instanceof Error ? error.stack : undefined;
    const message = messageOf(error);
    const time = now().toISOString();
    write(JSON.stringify({ time, level: 'error', message, requestId, causes, stack }));
  };
}

/** Writes what somebody should look at as one line of JSON. */
export function jsonWarning(
  write: (line: string) => void,
  now: () => Date = () => new Date(),
): (message: string) => void {
  return (message) => write(JSON.stringify({ time: now().toISOString(), level: 'warn', message }));
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** Writes each entry as one line; `write` is console.log on the edge. Undefined fields are left out. */
export function jsonLog(write: (line: string) => void, now: () => Date = () => new Date()): RequestLog {
  return (entry) => {
    const level = entry.status >= 500 ? 'error' : entry.status >= 400 ? 'warn' : 'info';
    write(JSON.stringify({ time: now().toISOString(), level, message: 'request', ...entry }));
  };
}
