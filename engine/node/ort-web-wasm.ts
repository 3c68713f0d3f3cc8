// onnxruntime-web's WASM compiled in Node, for tests, benchmarks and the model build; in a Worker the
// bundle holds it compiled.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export async function compileOrtWebWasm(): Promise<WebAssembly.Module> {
  const url = import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm');
  return WebAssembly.compile(await readFile(fileURLToPath(url)));
}
