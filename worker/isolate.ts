// What an isolate has room for once, whatever bindings a request brings: the model, the decoders' memory, and
// the places of the requests in work.

import jpeg from '@cwasm/jpeg-turbo/jpeg-turbo.wasm';
import webp from '@cwasm/webp/webp.wasm';
import type { Engine, ModelFiles } from '../core/ports.ts';
import { createEdgeDecoder, edgeDecodeBytes } from '../engine/edge/decode.ts';
import { createAdmission } from './admission.ts';
import { createApiMetrics } from './api-metrics.ts';
import type { AppDependencies } from './dependencies.ts';
import type { Limits } from './limits.ts';
import { type CreateEngine, type ModelBytes, serveModel } from './served-model.ts';

export interface IsolateOptions {
  readonly files: ModelFiles;
  readonly limits: Limits;
  readonly createEngine: CreateEngine;
  /** Leaves the rest of the isolate to decoding. */
  readonly modelBytes: ModelBytes;
}

export type IsolateParts = Required<Pick<AppDependencies, 'admission' | 'metrics' | 'model' | 'now'>>;

/** The model is loaded by the first request that needs it. */
export function createIsolateParts({
  files,
  limits,
  createEngine,
  modelBytes,
}: IsolateOptions): IsolateParts {
  const now = () => performance.now();
  let decodeBytes = edgeDecodeBytes(0);
  const decoder = createEdgeDecoder({ jpeg, webp }, () => decodeBytes);
  const admission = createAdmission(limits, now);
  let engine: Engine | undefined;
  const metrics = createApiMetrics({
    engineMemoryBytes: () => engine?.memoryBytes() ?? 0,
    decoderMemoryBytes: decoder.heldBytes,
    decoderPeakBytes: decoder.peakBytes,
    running: () => admission.running,
    waiting: () => admission.waiting,
  });
  return {
    now,
    admission,
    metrics,
    model: serveModel({
      files,
      createEngine(manifest, modelFiles) {
        const inner = createEngine(manifest, modelFiles);
        engine = {
          ...inner,
          run(batch, taps) {
            metrics.batchSize.observe(batch.images);
            return inner.run(batch, taps);
          },
        };
        decodeBytes = edgeDecodeBytes(modelBytes(manifest));
        return engine;
      },
      decoder,
      decoderPeakBytes: decoder.peakBytes,
      limits,
      batchSize: 1,
      now,
    }),
  };
}
