// The edge engine: onnxruntime-web runs the two int8 graphs of a model directory, image by image.

import * as ort from 'onnxruntime-web/wasm';
import { ModelError } from '../../core/errors.ts';
import type { Manifest, ModelPart } from '../../core/manifest.ts';
import type { Engine, EngineRun, ImageBatch, ModelFiles } from '../../core/ports.ts';
import { needsHead, type Tap, type TapOutputs } from '../../core/taps.ts';
import { once } from '../../core/turns.ts';
import { checkRun, disposedOf } from '../check-run.ts';
import { readModelFile } from '../model-file.ts';
import {
  createSession,
  type ExternalData,
  type OrtModule,
  ortError,
  ortMemoryBytes,
  ortTurns,
} from './ort-runtime.ts';

export interface OrtWebEngineParts {
  readonly manifest: Manifest;
  readonly files: ModelFiles;
  readonly wasm: OrtModule;
  /** Milliseconds from any fixed point. */
  readonly now: () => number;
}

export function createOrtWebEngine({ manifest, files, wasm, now }: OrtWebEngineParts): Engine {
  let disposed = false;
  const backbone = once(() => loadPart('backbone', manifest, files, wasm));
  const head = once(() => loadPart('head', manifest, files, wasm));
  const opened: ort.InferenceSession[] = [];

  const runTurn = async (batch: ImageBatch, taps: readonly Tap[]): Promise<EngineRun> => {
    if (disposed) throw disposedOf();
    checkRun(batch, taps, manifest);
    // A session is loaded by the first run that needs it; the runs behind it wait their turn.
    const first = await backbone();
    const second = taps.some(needsHead) ? await head() : undefined;
    for (const session of [first, second]) {
      if (session !== undefined && !opened.includes(session)) opened.push(session);
    }
    const outputs = allocate(taps, batch.images, manifest);
    const times = { backbone: 0, head: 0 };
    const pixels = batch.size * batch.size * 3;
    for (let image = 0; image < batch.images; image += 1) {
      const start = now();
      const data = batch.data.subarray(image * pixels, (image + 1) * pixels);
      const input = new ort.Tensor('uint8', data, [1, batch.size, batch.size, 3]);
      const { features } = await runSession(first, { pixels: input }, ['features']);
      times.backbone += now() - start;
      if (features === undefined) throw new ModelError('engine_failed', 'The backbone gave no features.');
      const results: Partial<Record<Tap, ort.Tensor>> = { features };
      if (second !== undefined) {
        const headStart = now();
        Object.assign(results, await runSession(second, { features }, taps.filter(needsHead)));
        times.head += now() - headStart;
      }
      store(results, image, outputs);
      for (const tensor of [input, ...Object.values(results)]) tensor.dispose();
    }
    return { outputs, times };
  };

  return {
    name: 'onnxruntime-web',
    precision: 'int8',
    run: (batch, taps) => ortTurns(() => runTurn(batch, taps)),
    memoryBytes: ortMemoryBytes,
    dispose: () =>
      ortTurns(async () => {
        disposed = true;
        for (const session of opened.splice(0)) await session.release();
      }),
  };
}

/** The session of one part: its shards are verified one by one and dropped once ORT holds them. */
async function loadPart(
  part: ModelPart,
  manifest: Manifest,
  files: ModelFiles,
  wasm: OrtModule,
): Promise<ort.InferenceSession> {
  const listed = manifest.graphs.find((graph) => graph.part === part);
  if (listed === undefined) {
    throw new ModelError(
      'invalid_manifest',
      `Expected a graph for the ${part} in model.json but found none.`,
    );
  }
  const graph = await readModelFile(files, listed);
  const externalData: ExternalData[] = [];
  for (const shard of manifest.shards.filter((candidate) => candidate.part === part)) {
    externalData.push({ path: shard.file, data: await readModelFile(files, shard) });
  }
  return createSession(wasm, graph, externalData);
}

async function runSession(
  session: ort.InferenceSession,
  feeds: Readonly<Record<string, ort.Tensor>>,
  fetches: readonly Tap[],
): Promise<Partial<Record<Tap, ort.Tensor>>> {
  let results: ort.InferenceSession.OnnxValueMapType;
  try {
    results = await session.run({ ...feeds }, [...fetches]);
  } catch (cause) {
    throw ortError(cause, 'run the graph');
  }
  const tensors: Partial<Record<Tap, ort.Tensor>> = {};
  for (const tap of fetches) {
    const value = results[tap];
    if (value instanceof ort.Tensor) tensors[tap] = value;
  }
  return tensors;
}

function allocate(taps: readonly Tap[], images: number, manifest: Manifest): TapOutputs {
  const outputs: TapOutputs = {};
  for (const tap of taps) outputs[tap] = new Float32Array(images * tapWidth(tap, manifest));
  return outputs;
}

/** Values of one image at the tap. */
function tapWidth(tap: Tap, manifest: Manifest): number {
  const shape = manifest.taps.find(({ name }) => name === tap)?.shape;
  if (shape === undefined) {
    throw new ModelError('engine_failed', `Expected a tap of ${manifest.name} but found ${tap}.`);
  }
  return shape.reduce((product, side) => product * side, 1);
}

/** Copies one image's tensors into its rows of the outputs. */
function store(results: Partial<Record<Tap, ort.Tensor>>, image: number, outputs: TapOutputs): void {
  for (const [tap, rows] of Object.entries(outputs)) {
    const data = results[tap as Tap]?.data;
    if (!(data instanceof Float32Array)) {
      throw new ModelError('engine_failed', `Expected float32 values for ${tap} but the graph gave none.`);
    }
    rows.set(data, image * data.length);
  }
}
