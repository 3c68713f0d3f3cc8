// AssemblyScript → WebAssembly, for the modules whose bytes are committed, so that nothing compiles at install or
// start (build-kernel.ts, build-scan.ts).

import { basename, join } from 'node:path';
import asc from 'assemblyscript/asc';

export const ROOT = join(import.meta.dirname, '..');

/** `entry` below the repository. The module's bytes are the same on every machine for one version of the compiler. */
export async function compileAssembly(entry: string, flags: readonly string[] = []): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      entry,
      ...['--baseDir', ROOT],
      ...['--outFile', `${basename(entry, '.ts')}.wasm`],
      '-O3',
      ...['--runtime', 'stub'],
      ...['--enable', 'simd'],
      ...['--initialMemory', '1'],
      ...flags,
    ],
    {
      writeFile: (_name: string, contents: Uint8Array | string) => {
        if (typeof contents !== 'string') wasm = contents;
      },
    },
  );
  if (error !== null || wasm === undefined)
    throw new Error(`${entry} does not compile: ${stderr.toString()}`);
  return wasm;
}
