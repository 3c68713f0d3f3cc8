// The process of probe.ts: makes one engine, checks it, answers, and waits to be ended.

import { join } from 'node:path';
import { readManifest } from '../../engine/model-file.ts';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { openGraphSession } from '../../engine/node/graph-session.ts';
import { checkEngine, type ExpectedTaps } from '../../engine/self-check.ts';
import { type CarriedError, packError } from './carried-error.ts';
import { type EngineRecipe, makeEngine } from './recipe.ts';

export interface ProbeTask {
  readonly recipe: EngineRecipe;
  readonly expected: ExpectedTaps | undefined;
}

export type ProbeAnswer =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly error: CarriedError };

process.once('message', async ({ recipe, expected }: ProbeTask) => {
  let answer: ProbeAnswer = { kind: 'passed' };
  try {
    if (expected === undefined) await load(recipe);
    else await checkEngine(await makeEngine(recipe), expected);
  } catch (error) {
    answer = { kind: 'failed', error: packError(error) };
  }
  process.send?.(answer);
});

/** The backbone as it lies in the directory, whose int8 graphs every provider loads if it works at all. */
async function load(recipe: EngineRecipe): Promise<void> {
  if (recipe.kind === 'winograd') return;
  const { manifest } = await readManifest(diskFiles(recipe.directory));
  const file = manifest.graphs.find(({ part }) => part === 'backbone')?.file ?? '';
  await openGraphSession(join(recipe.directory, file), { providers: [recipe.provider] });
}
