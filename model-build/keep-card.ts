// The model card, README.md in a model directory: written by people, so a build of the same weights keeps
// it, and a build of other weights, which it would misdescribe, does not.

import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

const CARD = 'README.md';
const manifestOfWeights = z.object({ provenance: z.object({ sha256: z.string() }) });

/** Copies the card from `previous`, which may not exist, into `next` if both come from weights of this hash. */
export async function keepCard(previous: string, next: string, sha256: unknown): Promise<void> {
  let manifest: unknown;
  try {
    manifest = JSON.parse(await readFile(join(previous, 'model.json'), 'utf8'));
  } catch {
    return;
  }
  const found = manifestOfWeights.safeParse(manifest);
  if (!found.success || found.data.provenance.sha256 !== sha256) return;
  await copyFile(join(previous, CARD), join(next, CARD)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
