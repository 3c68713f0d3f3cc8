// One line of JSON per request, for machines that collect logs. What could hold an image or a key is not
// in its type: no header, no body, no query, no URL of an image.

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

/** Writes each entry as one line; `write` is console.log on the edge. Undefined fields are left out. */
export function jsonLog(write: (line: string) => void, now: () => Date = () => new Date()): RequestLog {
  return (entry) => {
    const level = entry.status >= 500 ? 'error' : entry.status >= 400 ? 'warn' : 'info';
    write(JSON.stringify({ time: now().toISOString(), level, message: 'request', ...entry }));
  };
}
