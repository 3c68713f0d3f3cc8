// The engines that a Node server can run.

import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { createOrtWebEngine } from '../engine/edge/engine.ts';
import { createNativeEngine } from '../engine/node/native-engine.ts';
import { compileOrtWebWasm } from '../engine/node/ort-web-wasm.ts';
import { createWinogradEngine } from '../engine/winograd/engine.ts';
import type { CreateEngine } from '../worker/served-model.ts';

/**
 * - `winograd`: our kernel, the very vectors of the edge; computes on the main thread, which hears others after each
 *   image
 * - `onnxruntime-node`: native, on all cores, in batches, during which the main thread waits; float where the
 *   model has float graphs, otherwise int8, which older x86 processors round differently
 * - `onnxruntime-web`: for comparison
 */
export const NODE_ENGINES = ['winograd', 'onnxruntime-node', 'onnxruntime-web'] as const;
export type NodeEngine = (typeof NODE_ENGINES)[number];

/** Of the event loop between two images: a body arrives by 64 KB a turn, and has to arrive in time. */
const TURNS = 16;

const KERNEL = new URL('../engine/winograd/kernel.wasm', import.meta.url);

/** `directory` is the model's. Compiles what has to be compiled. */
export async function nodeEngine(name: NodeEngine, directory: string): Promise<CreateEngine> {
  const now = () => performance.now();
  switch (name) {
    case 'winograd': {
      const kernel = await WebAssembly.compile(await readFile(KERNEL));
      return (manifest, files) => createWinogradEngine({ manifest, files, kernel, now, pause });
    }
    case 'onnxruntime-node':
      return (manifest) => createNativeEngine({ directory, manifest, now });
    case 'onnxruntime-web': {
      const wasm = await compileOrtWebWasm();
      return (manifest, files) => createOrtWebEngine({ manifest, files, wasm, now });
    }
  }
}

async function pause(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await setImmediate();
}
