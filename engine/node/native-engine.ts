// The native engine: onnxruntime-node runs the graphs of a model directory, whole batches at a time. Its
// binding holds up the thread that calls it; runner/engines/ puts it on one of its own.

import { join } from 'node:path';
import { ModelError } from '../../core/errors.ts';
import type { Manifest, ModelPart } from '../../core/manifest.ts';
import type { Engine, EngineRun, ImageBatch } from '../../core/ports.ts';
import { needsHead, type Tap, type TapOutputs } from '../../core/taps.ts';
import { once } from '../../core/turns.ts';
import { checkRun, disposedOf } from '../check-run.ts';
import {
  type GraphSession,
  type GraphSessionOptions,
  type GraphValue,
  openGraphSession,
} from './graph-session.ts';

export interface NativeEngineParts {
  /** The model directory: onnxruntime maps the shards from beside the graphs. */
  readonly directory: string;
  readonly manifest: Manifest;
  readonly session?: GraphSessionOptions;
  /** Which graphs; by default fp32 where the directory has it, otherwise int8. */
  readonly precision?: Engine['precision'] | undefined;
  /** Milliseconds from any fixed point. */
  readonly now: () => number;
}

/**
 * The int8 graphs are exact on processors with VNNI and saturate on older x86 ones: there the features differ
 * from those of the edge. Sessions open with the first run that needs them; a failure is forgotten, and tried
 * again by the next. Throws ModelError when the directory has no graphs of the wanted precision.
 */
export function createNativeEngine(parts: NativeEngineParts): Engine {
  const { directory, manifest, session, now } = parts;
  const { precision, graphs } = graphsOf(manifest, parts.precision);
  const opened: GraphSession[] = [];
  let disposed = false;
  const part = (name: ModelPart) =>
    once(async () => {
      const file = graphs.find((graph) => graph.part === name)?.file;
      if (file === undefined) {
        throw new ModelError(
          'invalid_manifest',
          `Expected a graph for the ${name} in model.json but found none.`,
        );
      }
      const opening = await openGraphSession(join(directory, file), session);
      opened.push(opening);
      return opening;
    });
  const backbone = part('backbone');
  const head = part('head');

  const run = async (batch: ImageBatch, taps: readonly Tap[]): Promise<EngineRun> => {
    if (disposed) throw disposedOf();
    checkRun(batch, taps, manifest);
    const { images, size, data } = batch;
    const first = await backbone();
    const ofHead = taps.filter(needsHead);
    const second = ofHead.length > 0 ? await head() : undefined;
    const start = now();
    const { features } = await first.run({ pixels: { data, shape: [images, size, size, 3] } }, ['features']);
    if (features === undefined) throw new ModelError('engine_failed', 'The backbone gave no features.');
    const middle = now();
    const values: Readonly<Record<string, GraphValue>> = {
      features,
      ...(await second?.run({ features }, ofHead)),
    };
    const outputs: TapOutputs = {};
    for (const tap of taps) outputs[tap] = float32(tap, values[tap]);
    return { outputs, times: { backbone: middle - start, head: second === undefined ? 0 : now() - middle } };
  };

  return {
    name: 'onnxruntime-node',
    precision,
    run,
    // The runtime does not tell.
    memoryBytes: () => 0,
    async dispose() {
      disposed = true;
      for (const open of opened.splice(0)) await open.close();
    },
  };
}

function graphsOf(manifest: Manifest, wanted: Engine['precision'] | undefined) {
  const float = manifest.floatGraphs.find(({ precision }) => precision === (wanted ?? 'fp32'));
  if (float !== undefined) return float;
  if (wanted === undefined || wanted === 'int8') {
    return { precision: 'int8', graphs: manifest.graphs } as const;
  }
  throw new ModelError(
    'invalid_manifest',
    `Expected ${wanted} graphs of ${manifest.name} but it has none. vgg-edge export --to ${wanted} makes them.`,
  );
}

function float32(tap: Tap, value: GraphValue | undefined): Float32Array {
  if (value?.data instanceof Float32Array) return value.data;
  throw new ModelError('engine_failed', `Expected float32 values for ${tap} but the graph gave none.`);
}
