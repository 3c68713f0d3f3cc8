// What the app is made of. Composition roots (index.ts, the Node server, tests) fill this in.

import type { ModelFiles } from '../core/ports.ts';
import type { VectorStore } from '../core/vector-store.ts';
import type { UrlImageSource } from '../net/url-image.ts';
import type { Admission } from './admission.ts';
import type { AnswerCache } from './answer-cache.ts';
import type { ApiMetrics } from './api-metrics.ts';
import type { Access } from './guard.ts';
import type { Limits } from './limits.ts';
import type { PageFiles } from './page-files.ts';
import type { FailureReport, RequestLog } from './request-log.ts';
import type { ServedModel } from './served-model.ts';

export interface AppDependencies {
  /** Loads at the first call. Throws ModelError, SourceError. */
  readonly model: () => Promise<ServedModel>;
  readonly limits: Limits;
  readonly admission: Admission;
  /** Milliseconds from any fixed point. */
  readonly now: () => number;
  /** Told of what fails by no fault of the caller's, items of a list too: of one request, the first of each code. */
  readonly report: FailureReport;
  /** Who may ask, and how often. Without it only requests to a loopback address are answered. */
  readonly access?: Access;
  /** Without it image URLs are refused. */
  readonly urlImages?: UrlImageSource | undefined;
  /** Without it nothing is stored. */
  readonly answers?: AnswerCache;
  /** Without it there are no routes /v1/indexes. */
  readonly indexes?: VectorStore;
  /** Without it nothing is served at `/`. */
  readonly page?: PageFiles;
  /** What browsers may read to run the model themselves, without a key. Without it they cannot. */
  readonly publishedModel?: ModelFiles;
  /** Without it the app keeps its own. */
  readonly metrics?: ApiMetrics;
  readonly log?: RequestLog;
  /** Origins whose pages may call the API (CORS); none by default, `*` for any, which needs keys. */
  readonly corsOrigins?: readonly string[];
}

/** The dependencies with every default filled in that routes rely on. */
export type Ready = AppDependencies & Required<Pick<AppDependencies, 'access' | 'metrics' | 'log'>>;
