// `npm run build:kernel`: compiles engine/winograd/assembly to engine/winograd/kernel.wasm. The bytes are
// committed, so that nothing compiles at install or start; test/engine/winograd-kernel.test.ts compares them.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';

const ROOT = join(import.meta.dirname, '..');

/** The module's bytes, the same on every machine for one version of the compiler. */
export async function compileKernel(): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      'engine/winograd/assembly/index.ts',
      ...['--baseDir', ROOT],
      ...['--outFile', 'kernel.wasm'],
      '-O3',
      '--noAssert',
      ...['--runtime', 'stub'],
      ...['--enable', 'simd'],
      // The engine makes the memory, of exactly the size the network needs (engine/winograd/plan.ts).
      '--importMemory',
      '--zeroFilledMemory',
      '--noExportMemory',
      ...['--initialMemory', '1'],
    ],
    {
      writeFile: (_name: string, contents: Uint8Array | string) => {
        if (typeof contents !== 'string') wasm = contents;
      },
    },
  );
  if (error !== null || wasm === undefined) {
    throw new Error(`The kernel does not compile: ${stderr.toString()}`);
  }
  return wasm;
}

if (import.meta.main) {
  const wasm = await compileKernel();
  await writeFile(join(ROOT, 'engine/winograd/kernel.wasm'), wasm);
  console.log(`engine/winograd/kernel.wasm: ${wasm.length} bytes`);
}
