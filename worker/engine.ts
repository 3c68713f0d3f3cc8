// The engine that worker/index.ts serves with: our own kernel. An entry bundles only the engine it
// imports; onnxruntime-web's WASM has 14 MB.

import { createWinogradEngine } from '../engine/winograd/engine.ts';
import kernel from '../engine/winograd/kernel.wasm';
import { plannedMemory } from '../engine/winograd/planned-memory.ts';
import type { CreateEngine, ModelBytes } from './served-model.ts';

export const createEngine: CreateEngine = (manifest, files) =>
  createWinogradEngine({ manifest, files, kernel, now: () => performance.now() });

/** With the head, unless no isolate holds that: then nobody can ask for it. */
export const modelBytes: ModelBytes = (manifest) => {
  const { features, scores } = plannedMemory(manifest);
  return scores < LARGEST_MODEL_BYTES ? scores : features;
};

/** Leaves a tenth of an isolate. */
const LARGEST_MODEL_BYTES = 115_000_000;
