// What worker/handler.ts is to the edge: files, sockets and this process's engine → the app, served.

import { InputError } from '../core/errors.ts';
import type { Engine } from '../core/ports.ts';
import type { VectorStore } from '../core/vector-store.ts';
import { createBatchingEngine } from '../engine/batching-engine.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { pinnedFetch } from '../net/node/pinned-fetch.ts';
import { createAdmission } from '../worker/admission.ts';
import { memoryAnswerCache } from '../worker/answer-cache.ts';
import { isLoopback } from '../worker/api-keys.ts';
import { createApiMetrics } from '../worker/api-metrics.ts';
import { createApp } from '../worker/app.ts';
import { readLimits } from '../worker/limits.ts';
import { memoryRateLimiter } from '../worker/rate-limit.ts';
import { jsonLog, jsonReport, jsonWarning } from '../worker/request-log.ts';
import { serveModel } from '../worker/served-model.ts';
import { readSettings } from '../worker/settings.ts';
import { diskPageFiles } from './disk-page.ts';
import { type RunningServer, startHttpServer } from './http-server.ts';
import { keyFile } from './key-file.ts';
import { type NodeEngine, nodeEngine } from './node-engines.ts';

export interface NodeServerOptions {
  /** The model directory. */
  readonly model: string;
  readonly host: string;
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
  /** The variables of wrangler.toml, here from the environment. */
  readonly variables: object;
  readonly log: (line: string) => void;
  readonly engine: NodeEngine;
}

/** A server has memory where an isolate has none: many requests may be in work and share batches. */
const NODE_DEFAULTS = { MAX_RUNNING: '32', MAX_WAITING: '256' };

/** Bytes of stored answers. */
const CACHE_BYTES = 64 * 1024 * 1024;

/** Throws InputError when the API would be open to others without keys, and what its parts throw. */
export async function startNodeServer(options: NodeServerOptions): Promise<RunningServer> {
  const { model, host, port, keys, page, maxBatch, grace, log } = options;
  if (keys === undefined && !isLoopback(host)) {
    throw new InputError(
      'invalid_argument',
      `Expected a file of API keys for an address that others can reach, ${host}. Make one with 'vgg-edge key NAME >> keys' and give it with --keys.`,
      { param: 'keys' },
    );
  }
  const variables = { ...NODE_DEFAULTS, ...options.variables };
  const limits = readLimits(variables);
  const secret = keys === undefined ? () => undefined : keyFile(keys, jsonWarning(log));
  const settings = readSettings(variables, secret, limits, pinnedFetch());
  // Fails now, not with the first request.
  settings.keys();

  const admission = createAdmission(limits);
  let engine: Engine | undefined;
  const metrics = createApiMetrics({
    engineMemoryBytes: () => engine?.memoryBytes() ?? 0,
    running: () => admission.running,
    waiting: () => admission.waiting,
  });
  const createEngine = await nodeEngine(options.engine, model);
  const now = () => performance.now();
  const files = diskFiles(model);
  const app = createApp({
    ...(options.indexes === undefined ? {} : { indexes: options.indexes }),
    ...(page === undefined ? {} : { page: diskPageFiles(page) }),
    ...(settings.publishModel ? { publishedModel: files } : {}),
    model: serveModel({
      files,
      createEngine(manifest, files) {
        const onBatch = (images: number) => metrics.batchSize.observe(images);
        engine = createBatchingEngine(createEngine(manifest, files), { maxImages: maxBatch, onBatch });
        return engine;
      },
      decoder: await createNodeDecoder(),
      limits,
      now,
    }),
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
  const server = await startHttpServer({ app, admission, host, port, grace });
  return {
    url: server.url,
    async stop() {
      const finished = await server.stop();
      await engine?.dispose();
      return finished;
    },
  };
}
