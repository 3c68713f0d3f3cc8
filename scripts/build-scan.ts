// `npm run build:scan`: compiles search/assembly/scan.ts to search/scan.wasm; test/search/scan-matrix.test.ts
// compares the committed bytes.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compileAssembly, ROOT } from './compile-assembly.ts';

export function compileScan(): Promise<Uint8Array> {
  return compileAssembly('search/assembly/scan.ts');
}

if (import.meta.main) {
  const wasm = await compileScan();
  await writeFile(join(ROOT, 'search/scan.wasm'), wasm);
  console.log(`search/scan.wasm: ${wasm.length} bytes`);
}
