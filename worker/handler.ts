// The platform's bindings → the app's dependencies, once per isolate, whichever engine the entry file
// brings.

import jpeg from '@cwasm/jpeg-turbo/jpeg-turbo.wasm';
import webp from '@cwasm/webp/webp.wasm';
import type { Engine } from '../core/ports.ts';
import { createEdgeDecoder, edgeDecodeBytes } from '../engine/edge/decode.ts';
import { createDurableObjectStore } from '../search/edge/durable-object-store.ts';
import type { IndexCatalog } from '../search/edge/index-catalog.ts';
import type { VectorShard } from '../search/edge/vector-shard.ts';
import { createAdmission } from './admission.ts';
import { createApp } from './app.ts';
import { assetFiles } from './asset-files.ts';
import { bucketFiles } from './bucket-files.ts';
import { type IndexStoreBindings, openIndexStore } from './index-store.ts';
import { readLimits } from './limits.ts';
import { assetPageFiles } from './page-files.ts';
import { type PlatformBindings, platformDependencies } from './platform.ts';
import { jsonReport } from './request-log.ts';
import { type CreateEngine, type ModelBytes, serveModel } from './served-model.ts';

export interface Bindings extends PlatformBindings, IndexStoreBindings {
  readonly ASSETS: Fetcher;
  /** The model's folder among the assets, or in the bucket where one is bound. */
  readonly MODEL: string;
  readonly MODELS?: R2Bucket;
  /** `true` lets browsers read the model's files and run it themselves. */
  readonly PUBLISH_MODEL?: string | boolean;
  /** The indexes, where they lie in Durable Objects: which there are, and their items. */
  readonly INDEX_CATALOG: DurableObjectNamespace<IndexCatalog>;
  readonly VECTOR_SHARDS: DurableObjectNamespace<VectorShard>;
}

/** `modelBytes` leaves the rest of the isolate to decoding; without it decoding has a fixed share. */
export function createHandler(
  createEngine: CreateEngine,
  modelBytes: ModelBytes = () => 0,
): ExportedHandler<Bindings> {
  let app: ReturnType<typeof createApp> | undefined;
  return {
    fetch(request, bindings, context) {
      app ??= appOf(bindings, createEngine, modelBytes);
      const answer = Promise.resolve(app.fetch(request, bindings, context));
      // Others may wait for what this request began (a load, a place): it runs on when its client leaves.
      context.waitUntil(answer);
      return inSight(answer);
    },
  };
}

/** Milliseconds. */
const HEARTBEAT = 1000;

/**
 * The same answer. A request that only waits for what another one does (its turn, a load) has nothing under
 * way that the platform knows of, which takes it for hung and ends it; a timer is something under way.
 */
async function inSight<T>(answer: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, HEARTBEAT);
  try {
    return await answer;
  } finally {
    clearInterval(timer);
  }
}

function appOf(
  bindings: Bindings,
  createEngine: CreateEngine,
  modelBytes: ModelBytes,
): ReturnType<typeof createApp> {
  const limits = readLimits(bindings);
  const now = () => performance.now();
  const files =
    bindings.MODELS === undefined
      ? assetFiles(bindings.ASSETS, `/models/${bindings.MODEL}`)
      : bucketFiles(bindings.MODELS, bindings.MODEL);
  let decodeBytes = edgeDecodeBytes(0);
  const decoder = createEdgeDecoder({ jpeg, webp }, () => decodeBytes);
  const admission = createAdmission(limits, now);
  let engine: Engine | undefined;
  const keepEngine: CreateEngine = (manifest, modelFiles) => {
    engine = createEngine(manifest, modelFiles);
    decodeBytes = edgeDecodeBytes(modelBytes(manifest));
    return engine;
  };
  return createApp({
    ...platformDependencies(bindings, limits, admission, {
      engineMemoryBytes: () => engine?.memoryBytes() ?? 0,
      decoderMemoryBytes: decoder.heldBytes,
      decoderPeakBytes: decoder.peakBytes,
    }),
    model: serveModel({
      files,
      createEngine: keepEngine,
      decoder,
      decoderPeakBytes: decoder.peakBytes,
      limits,
      now,
    }),
    indexes: openIndexStore(bindings, () =>
      createDurableObjectStore({ catalog: bindings.INDEX_CATALOG, shards: bindings.VECTOR_SHARDS }),
    ),
    page: assetPageFiles(bindings.ASSETS, '/web'),
    ...(String(bindings.PUBLISH_MODEL) === 'true' ? { publishedModel: files } : {}),
    limits,
    admission,
    now,
    report: jsonReport((line) => console.error(line)),
  });
}
