// The SIMD kernel of the exact scan, read from disk and compiled; in a Worker it is imported compiled.

import { readFileSync } from 'node:fs';

export function loadScanKernel(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(new URL('../scan.wasm', import.meta.url)));
}
