// What the parts of an answer learn about its request, for the log and the metrics. One record per
// request, in Hono's context: `context.get('facts')`.

import type { EmbedTimes } from '../core/embedder.ts';

export interface RequestFacts {
  readonly requestId: string;
  /** The name of the key, once it is known. */
  key?: string;
  cache?: 'hit' | 'miss';
  /** Code of the error that the answer is, and its cause where it is ours. */
  code?: string;
  cause?: string;
  /** What failed: the request, or items of its list, whether others worked or not. */
  failures?: readonly unknown[];
  /** Milliseconds. */
  times?: Readonly<EmbedTimes>;
  waited?: number;
  /** Bytes of the body that were read. */
  requestBytes?: number;
}

/** The environment of the app's handlers. */
export interface ApiEnv {
  Variables: { facts: RequestFacts };
}
