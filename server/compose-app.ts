// The app of a server process, whatever the runtime: what worker/handler.ts is to the edge, but for sockets.

import { InputError } from '../core/errors.ts';
import type { Engine, ImageDecoder } from '../core/ports.ts';
import type { VectorStore } from '../core/vector-store.ts';
import { createBatchingEngine } from '../engine/batching-engine.ts';
import type { EdgeDecoder } from '../engine/edge/decode.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import type { FetchImage } from '../net/url-image.ts';
import { type Admission, createAdmission } from '../worker/admission.ts';
import { memoryAnswerCache } from '../worker/answer-cache.ts';
import { isLoopback } from '../worker/api-keys.ts';
import { createApiMetrics } from '../worker/api-metrics.ts';
import { type ApiApp, createApp } from '../worker/app.ts';
import { readLimits } from '../worker/limits.ts';
import { memoryRateLimiter } from '../worker/rate-limit.ts';
import { jsonLog, jsonReport, jsonWarning } from '../worker/request-log.ts';
import { type ServedModel, type ServedModelParts, serveModel } from '../worker/served-model.ts';
import { readSettings } from '../worker/settings.ts';
import { diskPageFiles } from './disk-page.ts';
import { keyFile } from './key-file.ts';

export interface ServerOptions {
  /** The model directory. */
  readonly model: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** File of API keys; required unless `host` is a loopback address. */
  readonly keys?: string | undefined;
  /** Folder with the built page; without it nothing is served at `/`. */
  readonly page?: string | undefined;
  /** Where /v1/indexes keeps its indexes; without it there are no such routes. Closed by who opened it. */
  readonly indexes?: VectorStore | undefined;
  /** Images per run of the engine. */
  readonly maxBatch: number;
  /** Milliseconds that work in flight has when the server stops. */
  readonly grace: number;
  /** The variables of wrangler.toml. */
  readonly variables: object;
  readonly log: (line: string) => void;
}

/** What a runtime has of its own. */
export interface RuntimeParts {
  readonly decoder: ImageDecoder & Partial<Pick<EdgeDecoder, 'heldBytes' | 'peakBytes'>>;
  readonly createEngine: ServedModelParts['createEngine'];
  readonly fetchImage: FetchImage;
}

export interface ComposedApp {
  readonly app: ApiApp;
  readonly admission: Admission;
  /** Loaded by the first request, or by who asks before. */
  readonly model: () => Promise<ServedModel>;
  /** Of the engine, where one was made. */
  dispose(): Promise<void>;
}

/** A server has memory where an isolate has none: many requests may be in work and share batches. */
const DEFAULTS = { MAX_RUNNING: '32', MAX_WAITING: '256' };

/**
 * Images of one list that are decoded and run together: 32 PNG take 0.82 s for 1.07 one by one, JPEG 0.57 for 0.61,
 * and 16 are no faster (`npm run bench -- lists`).
 */
const LIST_BATCH = 8;

/** Bytes of stored answers. */
const CACHE_BYTES = 64 * 1024 * 1024;

/** Throws InputError when the API would be open to others without keys, and what its parts throw. */
export function composeApp(options: ServerOptions, runtime: RuntimeParts): ComposedApp {
  const { host, keys, page, maxBatch, log } = options;
  if (keys === undefined && !isLoopback(host)) {
    throw new InputError(
      'invalid_argument',
      `Expected a file of API keys for an address that others can reach, ${host}. Make one with 'vgg-edge key NAME >> keys' and give it with --keys.`,
      { param: 'keys' },
    );
  }
  const variables = { ...DEFAULTS, ...options.variables };
  const limits = readLimits(variables);
  const secret = keys === undefined ? () => undefined : keyFile(keys, jsonWarning(log));
  const settings = readSettings(variables, secret, limits, runtime.fetchImage);
  // Fails now, not with the first request.
  settings.keys();

  const admission = createAdmission(limits);
  const { decoder } = runtime;
  let engine: Engine | undefined;
  const metrics = createApiMetrics({
    engineMemoryBytes: () => engine?.memoryBytes() ?? 0,
    ...(decoder.heldBytes === undefined ? {} : { decoderMemoryBytes: decoder.heldBytes }),
    ...(decoder.peakBytes === undefined ? {} : { decoderPeakBytes: decoder.peakBytes }),
    running: () => admission.running,
    waiting: () => admission.waiting,
  });
  const now = () => performance.now();
  const files = diskFiles(options.model);
  const model = serveModel({
    files,
    async createEngine(manifest, modelFiles) {
      const chosen = await runtime.createEngine(manifest, modelFiles);
      const onBatch = (images: number) => metrics.batchSize.observe(images);
      engine = createBatchingEngine(chosen, { maxImages: maxBatch, onBatch });
      return engine;
    },
    decoder,
    ...(decoder.peakBytes === undefined ? {} : { decoderPeakBytes: decoder.peakBytes }),
    limits,
    batchSize: Math.min(maxBatch, LIST_BATCH),
    now,
  });
  const app = createApp({
    ...(options.indexes === undefined ? {} : { indexes: options.indexes }),
    ...(page === undefined ? {} : { page: diskPageFiles(page) }),
    ...(settings.publishModel ? { publishedModel: files } : {}),
    model,
    limits,
    admission,
    now,
    report: jsonReport(log),
    access: { keys: settings.keys, rateLimiter: memoryRateLimiter(settings.rate) },
    urlImages: settings.urlImages,
    ...(settings.cacheSeconds === 0 ? {} : { answers: memoryAnswerCache(CACHE_BYTES) }),
    metrics,
    log: jsonLog(log),
    corsOrigins: settings.corsOrigins,
  });
  return { app, admission, model, dispose: async () => engine?.dispose() };
}
