// A folder for as long as something works in it: gone when it is disposed of, and when the process ends by
// itself or by process.exit (cli/exit-on-interrupt.ts turns Ctrl-C into that).

import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** `prefix` is a path that random letters are added to; a folder among the system's temporary ones by default. */
export async function temporaryFolder(prefix = join(tmpdir(), 'vgg-edge-')): Promise<TemporaryFolder> {
  // At once: between a folder that is made and one that is known, the process might be told to end.
  const path = mkdtempSync(prefix);
  const removeNow = () => rmSync(path, { recursive: true, force: true });
  process.once('exit', removeNow);
  return {
    path,
    async [Symbol.asyncDispose]() {
      process.off('exit', removeNow);
      await rm(path, { recursive: true, force: true });
    },
  };
}
