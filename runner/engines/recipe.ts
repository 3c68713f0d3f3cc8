// How an engine is made, as plain data: threads and other processes make it from this alone.

import { readFile } from 'node:fs/promises';
import type { Engine } from '../../core/ports.ts';
import { readManifest } from '../../engine/model-file.ts';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { createNativeEngine } from '../../engine/node/native-engine.ts';
import { createWinogradEngine } from '../../engine/winograd/engine.ts';

export type EngineRecipe =
  /** Our kernel on one thread. `directory` is the model's. */
  | { readonly kind: 'winograd'; readonly directory: string }
  | {
      readonly kind: 'onnxruntime';
      /** Holds the graphs of this precision. */
      readonly directory: string;
      readonly provider: NativeProvider;
      readonly precision: Engine['precision'];
      /** Within one operation; the runtime's choice by default. */
      readonly threads?: number | undefined;
    };

/** Execution providers of onnxruntime-node. */
export type NativeProvider = 'cpu' | 'webgpu' | 'cuda';

const KERNEL = new URL('../../engine/winograd/kernel.wasm', import.meta.url);

/** Loads the manifest; the weights come with the first run. Throws ModelError, SourceError. */
export async function makeEngine(recipe: EngineRecipe): Promise<Engine> {
  const { directory } = recipe;
  const files = diskFiles(directory);
  const { manifest } = await readManifest(files);
  const now = () => performance.now();
  if (recipe.kind === 'winograd') {
    const kernel = await WebAssembly.compile(await readFile(KERNEL));
    return createWinogradEngine({ manifest, files, kernel, now });
  }
  const { provider, precision, threads } = recipe;
  const session = { providers: [provider], ...(threads === undefined ? {} : { threads }) };
  return createNativeEngine({ directory, manifest, session, precision, now });
}
