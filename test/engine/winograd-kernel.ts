// The committed kernel, compiled as a Worker's bundle holds it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const KERNEL_PATH = join(import.meta.dirname, '../../engine/winograd/kernel.wasm');

export function winogradKernel(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(KERNEL_PATH));
}
