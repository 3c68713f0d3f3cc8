// The engine that worker/index.ts serves with: our own kernel. An entry bundles only the engine it
// imports; onnxruntime-web's WASM has 14 MB.

import { createWinogradEngine } from '../engine/winograd/engine.ts';
import kernel from '../engine/winograd/kernel.wasm';
import type { CreateEngine } from './served-model.ts';

export const createEngine: CreateEngine = (manifest, files) =>
  createWinogradEngine({ manifest, files, kernel, now: () => performance.now() });
