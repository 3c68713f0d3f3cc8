// The onnxruntime-web engine with its WASM as the Worker's bundler compiled it.

import type { Manifest } from '../../core/manifest.ts';
import type { Engine, ModelFiles } from '../../core/ports.ts';
import wasm from '../../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm';
import { createOrtWebEngine } from './engine.ts';

export function createEngine(manifest: Manifest, files: ModelFiles): Engine {
  return createOrtWebEngine({ manifest, files, wasm, now: () => performance.now() });
}
