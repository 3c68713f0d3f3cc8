// The GPU's engine where WebGPU is (browsers, Deno): onnxruntime-web runs the float graphs of a model
// directory, whole batches at a time. It is used only after choose-engine.ts has checked its numbers.

import * as ort from 'onnxruntime-web/webgpu';
import { ModelError } from '../../core/errors.ts';
import type { Manifest, ManifestFloatGraphs, ModelPart } from '../../core/manifest.ts';
import type { Engine, EngineRun, ImageBatch, ModelFiles } from '../../core/ports.ts';
import { needsHead, type Tap, type TapOutputs } from '../../core/taps.ts';
import { createTurns, once } from '../../core/turns.ts';
import { checkRun, disposedOf } from '../check-run.ts';
import { readModelFile } from '../model-file.ts';

export interface WebGpuEngineParts {
  readonly manifest: Manifest;
  /** The graphs to run, and the files they and their shards lie in. */
  readonly graphs: ManifestFloatGraphs;
  readonly files: ModelFiles;
  /** Milliseconds from any fixed point. */
  readonly now: () => number;
  /** `wasm` runs the same graphs on the processor: for tests on machines without a GPU. */
  readonly provider?: 'webgpu' | 'wasm';
  /** Where onnxruntime-web's WebAssembly lies, when it is not beside its script. */
  readonly runtime?: string;
}

/** onnxruntime-web has one device and one heap per realm, whatever number of engines. */
const ortTurns = createTurns();

/**
 * The sessions open with the first run that needs them; a load that fails is forgotten, and tried again by
 * the next. Values differ from the int8 engines' by their quantisation.
 */
export function createWebGpuEngine(parts: WebGpuEngineParts): Engine {
  const { manifest, graphs, now } = parts;
  const opened: ort.InferenceSession[] = [];
  let disposed = false;
  const part = (name: ModelPart) =>
    once(async () => {
      const session = await openPart(name, parts);
      opened.push(session);
      return session;
    });
  const backbone = part('backbone');
  const head = part('head');

  const run = async (batch: ImageBatch, taps: readonly Tap[]): Promise<EngineRun> => {
    if (disposed) throw disposedOf();
    checkRun(batch, taps, manifest);
    const first = await backbone();
    const ofHead = taps.filter(needsHead);
    const second = ofHead.length > 0 ? await head() : undefined;
    const { images, size, data } = batch;
    const start = now();
    const { features } = await runSession(
      first,
      { pixels: new ort.Tensor('uint8', data, [images, size, size, 3]) },
      ['features'],
    );
    if (features === undefined) throw new ModelError('engine_failed', 'The backbone gave no features.');
    const middle = now();
    const outputs: TapOutputs = { features };
    if (second !== undefined) {
      const input = new ort.Tensor('float32', features, [images, features.length / images]);
      Object.assign(outputs, await runSession(second, { features: input }, ofHead));
    }
    if (!taps.includes('features')) delete outputs.features;
    return { outputs, times: { backbone: middle - start, head: second === undefined ? 0 : now() - middle } };
  };

  return {
    name: 'onnxruntime-webgpu',
    precision: graphs.precision,
    run: (batch, taps) => ortTurns(() => run(batch, taps)),
    // The memory is the GPU's, of which WebGPU does not tell.
    memoryBytes: () => 0,
    dispose: () =>
      ortTurns(async () => {
        disposed = true;
        for (const session of opened.splice(0)) await session.release();
      }),
  };
}

async function openPart(
  part: ModelPart,
  { graphs, files, provider = 'webgpu', runtime }: WebGpuEngineParts,
): Promise<ort.InferenceSession> {
  const listed = graphs.graphs.find((graph) => graph.part === part);
  if (listed === undefined) {
    throw new ModelError(
      'invalid_manifest',
      `Expected a ${graphs.precision} graph for the ${part} in model.json but found none.`,
    );
  }
  const graph = await readModelFile(files, listed);
  const externalData: { path: string; data: Uint8Array }[] = [];
  for (const shard of graphs.shards.filter((candidate) => candidate.part === part)) {
    externalData.push({ path: shard.file, data: await readModelFile(files, shard) });
  }
  // More threads would need shared memory, and the GPU does the work.
  ort.env.wasm.numThreads = 1;
  if (runtime !== undefined) ort.env.wasm.wasmPaths = { wasm: runtime };
  ort.env.logLevel = 'error';
  try {
    return await ort.InferenceSession.create(graph, {
      executionProviders: [provider],
      externalData,
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw failed(`load the ${graphs.precision} ${part}`, cause);
  }
}

/** The outputs' values, in arrays of their own; all tensors of the run are disposed of. */
async function runSession(
  session: ort.InferenceSession,
  feeds: Readonly<Record<string, ort.Tensor>>,
  taps: readonly Tap[],
): Promise<TapOutputs> {
  let results: ort.InferenceSession.OnnxValueMapType;
  try {
    results = await session.run({ ...feeds }, [...taps]);
  } catch (cause) {
    throw failed('run the graph', cause);
  } finally {
    for (const tensor of Object.values(feeds)) tensor.dispose();
  }
  const outputs: TapOutputs = {};
  for (const tap of taps) {
    const value = results[tap];
    const data = value instanceof ort.Tensor ? await value.getData() : undefined;
    if (!(data instanceof Float32Array)) {
      throw new ModelError('engine_failed', `Expected float32 values for ${tap} but the graph gave none.`);
    }
    outputs[tap] = data.slice();
    value?.dispose();
  }
  return outputs;
}

function failed(doing: string, cause: unknown): ModelError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ModelError('engine_failed', `onnxruntime-web failed to ${doing} by WebGPU: ${reason}`, {
    cause,
  });
}
