// `npm run build:kernel`: compiles engine/winograd/assembly to engine/winograd/kernel.wasm;
// test/engine/winograd-kernel.test.ts compares the committed bytes.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compileAssembly, ROOT } from './compile-assembly.ts';

export function compileKernel(): Promise<Uint8Array> {
  return compileAssembly('engine/winograd/assembly/index.ts', [
    '--noAssert',
    // The engine makes the memory, of exactly the size the network needs (engine/winograd/plan.ts).
    '--importMemory',
    '--zeroFilledMemory',
    '--noExportMemory',
  ]);
}

if (import.meta.main) {
  const wasm = await compileKernel();
  await writeFile(join(ROOT, 'engine/winograd/kernel.wasm'), wasm);
  console.log(`engine/winograd/kernel.wasm: ${wasm.length} bytes`);
}
