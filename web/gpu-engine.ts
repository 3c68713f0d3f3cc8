// WebGPU in the page: loaded by the Web Worker where there is WebGPU, with onnxruntime-web's runtime. The
// float graphs are made here, of the shards that our kernel reads too: nothing more of the model is fetched.

import type { Manifest } from '../core/manifest.ts';
import type { Engine, ModelFiles } from '../core/ports.ts';
import { chooseEngine, type EngineChoice, type Gpu } from '../engine/webgpu/choose-engine.ts';
import { createWebGpuEngine } from '../engine/webgpu/engine.ts';
import { makeFloatFiles } from '../model-build/float-files.ts';

/** 17 MB; scripts/stage-assets.ts puts it there. */
const RUNTIME = '/web/ort-webgpu.wasm';

export interface GpuChoiceParts {
  readonly edge: Engine;
  readonly manifest: Manifest;
  readonly files: ModelFiles;
  readonly now: () => number;
}

export type GpuChoice = (parts: GpuChoiceParts) => Promise<EngineChoice>;

export interface GpuModule {
  createGpuChoice(allowSoftware: boolean): GpuChoice;
}

/** The GPU's engine where it computes what ours does, otherwise `edge`. */
export function createGpuChoice(allowSoftware: boolean): GpuChoice {
  return ({ edge, manifest, files, now }) => {
    const gpu = described(Reflect.get(navigator, 'gpu'));
    return chooseEngine({
      edge,
      gpu,
      floatGraphs: [
        { precision: 'fp16', graphs: [], shards: [] },
        { precision: 'fp32', graphs: [], shards: [] },
      ],
      async createGpuEngine({ precision }) {
        // The runtime that fits an asset suspends WebAssembly while the GPU works.
        if (!('Suspending' in WebAssembly)) {
          throw new Error('this browser cannot suspend WebAssembly (JSPI).');
        }
        const made = await makeFloatFiles(files, precision);
        return createWebGpuEngine({
          manifest,
          graphs: made.graphs,
          files: made.files,
          now,
          runtime: RUNTIME,
        });
      },
      crop: manifest.preprocess.crop,
      allowSoftware,
    });
  };
}

/** `GPUAdapterInfo`, of which browsers give more or less away. */
interface AdapterInfo {
  readonly description: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly isFallbackAdapter?: boolean;
}

/** Browsers leave the description empty: vendor and architecture then tell what it is. */
function described(gpu: Gpu | undefined): Gpu | undefined {
  if (gpu === undefined) return undefined;
  return {
    async requestAdapter() {
      const adapter = await gpu.requestAdapter();
      if (adapter === null) return null;
      const {
        description = '',
        vendor = '',
        architecture = '',
        isFallbackAdapter = false,
      }: Partial<AdapterInfo> = adapter.info ?? {};
      const name = description || `${vendor} ${architecture}`.trim() || 'a GPU';
      return { features: adapter.features, info: { description: name, isFallbackAdapter } };
    },
  };
}
