// The decoders' WASM, compiled from the installed packages as wrangler does at deployment.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DecoderModules } from '../../engine/decode/decoder.ts';

export function decoderModules(): DecoderModules {
  return { jpeg: compile('@cwasm/jpeg-turbo/jpeg-turbo.wasm'), webp: compile('@cwasm/webp/webp.wasm') };
}

function compile(file: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(fileURLToPath(import.meta.resolve(file))));
}
