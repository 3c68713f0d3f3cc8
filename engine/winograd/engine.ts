// Our own engine: a model directory run by the kernel in assembly/, in Node, Workers and browsers alike.
// The convolutions give the same bits as onnxruntime-web's on the directory's graphs (docs/winograd.md).

import type { Manifest } from '../../core/manifest.ts';
import type { Engine, EngineRun, ImageBatch, ModelFiles } from '../../core/ports.ts';
import { needsHead, type Tap } from '../../core/taps.ts';
import { createTurns, once } from '../../core/turns.ts';
import { checkRun, disposedOf } from '../check-run.ts';
import { loadBackbone } from './backbone.ts';
import { loadHead } from './head.ts';
import { HEAD_IMAGES } from './plan-head.ts';

export interface WinogradEngineParts {
  readonly manifest: Manifest;
  readonly files: ModelFiles;
  /** The compiled kernel.wasm. */
  readonly kernel: WebAssembly.Module;
  /** Milliseconds from any fixed point. */
  readonly now: () => number;
  /**
   * Images whose convolutions are computed together. More saves the transform of the weights and takes
   * the memory of as many maps. 1 by default.
   */
  readonly imagesPerPass?: number;
  /**
   * Awaited after each pass. A thread that also answers others needs one that lets the event loop turn: runs that wait
   * for each other follow in microtasks, and nothing that arrives is heard before the last of them.
   */
  readonly pause?: () => Promise<void>;
}

/** Nothing is loaded before the first run; a load that fails is forgotten, and tried again by the next. */
export function createWinogradEngine(parts: WinogradEngineParts): Engine {
  const { manifest, now, imagesPerPass = 1, pause } = parts;
  const turns = createTurns();
  let memory: WebAssembly.Memory | undefined;
  let network: ReturnType<typeof createNetwork> | undefined = createNetwork(parts);

  const run = async (batch: ImageBatch, taps: readonly Tap[]): Promise<EngineRun> => {
    if (network === undefined) {
      throw disposedOf();
    }
    checkRun(batch, taps, manifest);
    const backbone = await network.backbone();
    memory = backbone.memory;
    const head = taps.some(needsHead) ? await network.head() : undefined;
    const { featuresDim } = backbone;
    const features = new Float32Array(batch.images * featuresDim);
    let computing = 0;
    for (let first = 0; first < batch.images; first += imagesPerPass) {
      const start = now();
      backbone.run(cut(batch, first, imagesPerPass), features.subarray(first * featuresDim));
      computing += now() - start;
      await pause?.();
    }
    const start = now();
    const outputs = head?.run(features, batch.images, taps) ?? {};
    const end = now();
    if (taps.includes('features')) outputs.features = features;
    return { outputs, times: { backbone: computing, head: head === undefined ? 0 : end - start } };
  };

  return {
    name: 'winograd',
    precision: 'int8',
    run: (batch, taps) => turns(() => run(batch, taps)),
    memoryBytes: () => memory?.buffer.byteLength ?? 0,
    dispose: () =>
      turns(async () => {
        network = undefined;
        memory = undefined;
      }),
  };
}

/** At most `images` of the batch, from `first` on. */
function cut({ images: all, size, data }: ImageBatch, first: number, images: number): ImageBatch {
  const count = Math.min(images, all - first);
  const bytes = 3 * size * size;
  return { images: count, size, data: data.subarray(first * bytes, (first + count) * bytes) };
}

/** The two parts, each loaded once. */
function createNetwork(parts: WinogradEngineParts) {
  const { manifest, files, kernel: module, imagesPerPass = 1 } = parts;
  const backbone = once(() => loadBackbone(manifest, files, module, imagesPerPass));
  const head = once(async () => {
    const { kernel, memory, end } = await backbone();
    return await loadHead({ manifest, files, kernel, memory, start: end, imagesPerPass: HEAD_IMAGES });
  });
  return { backbone, head };
}
