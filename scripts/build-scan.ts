// `npm run build:scan`: compiles search/assembly/scan.ts to search/scan.wasm. The bytes are committed, so
// that nothing compiles at install or start; test/search/scan-kernel.test.ts compares them.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';

const ROOT = join(import.meta.dirname, '..');

/** The module's bytes, the same on every machine for one version of the compiler. */
export async function compileScan(): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      'search/assembly/scan.ts',
      '--baseDir',
      ROOT,
      '--outFile',
      'scan.wasm',
      '-O3',
      '--runtime',
      'stub',
      '--enable',
      'simd',
      '--initialMemory',
      '1',
    ],
    {
      writeFile: (_name: string, contents: Uint8Array | string) => {
        if (typeof contents !== 'string') wasm = contents;
      },
    },
  );
  if (error !== null || wasm === undefined) throw new Error(`scan.ts does not compile: ${stderr.toString()}`);
  return wasm;
}

if (import.meta.main) {
  const wasm = await compileScan();
  await writeFile(join(ROOT, 'search/scan.wasm'), wasm);
  console.log(`search/scan.wasm: ${wasm.length} bytes`);
}
