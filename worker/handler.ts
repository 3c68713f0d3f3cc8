// The platform's bindings → the app's dependencies, whichever engine the entry file brings: once per isolate,
// and again when the bindings are others.

import type { ModelFiles } from '../core/ports.ts';
import { createDurableObjectStore } from '../search/edge/durable-object-store.ts';
import type { IndexCatalog } from '../search/edge/index-catalog.ts';
import type { VectorShard } from '../search/edge/vector-shard.ts';
import { createApp } from './app.ts';
import { assetFiles } from './asset-files.ts';
import { bucketFiles } from './bucket-files.ts';
import { type IndexStoreBindings, openIndexStore } from './index-store.ts';
import { createIsolateParts } from './isolate.ts';
import { readLimits } from './limits.ts';
import { assetPageFiles } from './page-files.ts';
import { type PlatformBindings, platformDependencies } from './platform.ts';
import { jsonReport } from './request-log.ts';
import type { CreateEngine, ModelBytes } from './served-model.ts';

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
  // A change of secrets or variables alone may reach an isolate that is running: a key that was taken away must
  // not hold there. The model, which takes the memory, stays unless it is another.
  const partsOf = latest(modelText, (bindings) =>
    createIsolateParts({
      files: modelFiles(bindings),
      limits: readLimits(bindings),
      createEngine,
      modelBytes,
    }),
  );
  const appOf = latest(bindingsText, (bindings) => {
    const parts = partsOf(bindings);
    const files = modelFiles(bindings);
    const limits = readLimits(bindings);
    return createApp({
      ...parts,
      ...platformDependencies(bindings, limits),
      indexes: openIndexStore(bindings, () =>
        createDurableObjectStore({ catalog: bindings.INDEX_CATALOG, shards: bindings.VECTOR_SHARDS }),
      ),
      page: assetPageFiles(bindings.ASSETS, '/web'),
      ...(String(bindings.PUBLISH_MODEL) === 'true' ? { publishedModel: files } : {}),
      limits,
      report: jsonReport((line) => console.error(line)),
    });
  });
  return {
    fetch(request, bindings, context) {
      const answer = Promise.resolve(appOf(bindings).fetch(request, bindings, context));
      // Others may wait for what this request began (a load, a place): it runs on when its client leaves.
      context.waitUntil(answer);
      return inSight(answer);
    },
  };
}

/** What was made of the last bindings, while their text is the same. */
function latest<Made>(
  textOf: (bindings: Bindings) => string,
  make: (bindings: Bindings) => Made,
): (bindings: Bindings) => Made {
  let last: { readonly text: string; readonly made: Made } | undefined;
  return (bindings) => {
    const text = textOf(bindings);
    if (last?.text !== text) last = { text, made: make(bindings) };
    return last.made;
  };
}

/** What one model is told from another by, and what it is served with. */
function modelText(bindings: Bindings): string {
  return JSON.stringify([bindings.MODEL, bindings.MODELS !== undefined, readLimits(bindings)]);
}

/** Variables and secrets by value, all else by name: it is only asked, and may be another object each time. */
function bindingsText(bindings: Bindings): string {
  return JSON.stringify(
    Object.entries(bindings).map(([name, value]) =>
      ['string', 'number', 'boolean'].includes(typeof value) ? [name, value] : [name],
    ),
  );
}

function modelFiles({ ASSETS, MODEL, MODELS }: Bindings): ModelFiles {
  return MODELS === undefined ? assetFiles(ASSETS, `/models/${MODEL}`) : bucketFiles(MODELS, MODEL);
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
