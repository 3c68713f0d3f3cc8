// The engine that worker/index.ts serves with: our own kernel. An entry bundles only the engine it
// imports; onnxruntime-web's WASM has 14 MB.

import type { Engine } from '../core/ports.ts';
import { createWinogradEngine } from '../engine/winograd/engine.ts';
import kernel from '../engine/winograd/kernel.wasm';
import { plannedMemory } from '../engine/winograd/planned-memory.ts';
import type { CreateEngine, ModelBytes } from './served-model.ts';

export const createEngine: CreateEngine = (manifest, files) =>
  heardBetween(createWinogradEngine({ manifest, files, kernel, now: () => performance.now() }));

/**
 * Runs that follow each other, a list's images or what waits in the queue, would do so in microtasks, and nobody be
 * heard before the last. The pause lies before a run's turn, not in it: a request whose client leaves may end at any
 * await, and its turn with it.
 */
function heardBetween(engine: Engine): Engine {
  return {
    ...engine,
    async run(batch, taps) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      return await engine.run(batch, taps);
    },
  };
}

/** With the head, unless no isolate holds that: then nobody can ask for it. */
export const modelBytes: ModelBytes = (manifest) => {
  const { features, scores } = plannedMemory(manifest);
  return scores < LARGEST_MODEL_BYTES ? scores : features;
};

/** Leaves a tenth of an isolate. */
const LARGEST_MODEL_BYTES = 115_000_000;
