// The whole way from bytes to taps in a Web Worker: the same decoders, preprocessing and kernel as in the
// API, so the same vectors. Each file of the model is compared with its SHA-256.

import * as z from 'zod';
import { InputError } from '../core/errors.ts';
import { once } from '../core/turns.ts';
import type { GpuModule } from './gpu-engine.ts';
import { loadModel } from './local-model.ts';
import type { RunAnswer, RunRequest, RunResult } from './model-messages.ts';

// Zod would otherwise try to compile code from text, which the page's policy forbids.
z.config({ jitless: true });

/** WebGPU's runtime has megabytes: it is fetched only where there is WebGPU. */
const GPU_SCRIPT = '/web/gpu-engine.js';
const allowSoftware = new URL(self.location.href).searchParams.has('software-gpu');
/** Why WebGPU is not tried, empty while it is. */
let withoutGpu = Reflect.get(navigator, 'gpu') === undefined ? 'there is no WebGPU here.' : '';
let model = once(load);

self.addEventListener('message', async ({ data }: MessageEvent<RunRequest>) => {
  const { number } = data;
  try {
    tell({ number, result: await run(data) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell({ number, error: message, isModel: !(error instanceof InputError) });
  }
});

async function load() {
  const gpu: GpuModule | undefined = withoutGpu === '' ? await loadGpu() : undefined;
  return loadModel({
    onProgress: (progress) => tell({ progress }),
    chooseGpu: gpu?.createGpuChoice(allowSoftware),
    withoutGpu,
  });
}

async function loadGpu(): Promise<GpuModule | undefined> {
  try {
    return await import(GPU_SCRIPT);
  } catch {
    withoutGpu = "WebGPU's runtime cannot be fetched.";
    return undefined;
  }
}

async function run({ photo, wanted }: RunRequest): Promise<RunResult> {
  const { id, manifest, engine, reason, embedder, describer } = await model();
  const read = async () => new Uint8Array(await photo.arrayBuffer());
  const needed = {
    analysis: ['features', 'scores', describer.layer],
    features: ['features'],
    vector: [describer.layer],
  } as const;
  const taps = [...new Set(needed[wanted])];
  const { outcomes, times } = await embedder.run([{ read }], taps).catch((error: unknown) => {
    if (engine.name === 'winograd') throw error;
    // A GPU can be lost at any time (a machine that slept, a driver that crashed): our kernel goes on.
    withoutGpu = `WebGPU failed. ${error instanceof Error ? error.message : String(error)}`;
    model = once(load);
    return { outcomes: [], times: undefined };
  });
  if (times === undefined) return run({ number: 0, photo, wanted });
  const [outcome] = outcomes;
  if (outcome === undefined || 'error' in outcome) throw outcome?.error;
  return {
    model: id,
    engine: reason,
    untrained: !manifest.trained,
    taps: outcome.value,
    vector: wanted === 'features' ? undefined : describer.describe(outcome.value),
    phases: Object.entries(times).map(([name, milliseconds]) => ({ name, milliseconds })),
    labels: manifest.labels,
    trainedWith: (manifest.classes ?? []).map(({ trainedWith }) => trainedWith),
  };
}

function tell(answer: RunAnswer): void {
  self.postMessage(answer);
}
