// Asks another process whether a provider works here. Drivers of GPUs crash and hang, which no try … catch
// holds: only a process can be given up.

import { fork } from 'node:child_process';
import { ModelError } from '../../core/errors.ts';
import type { ExpectedTaps } from '../../engine/self-check.ts';
import { unpackError } from './carried-error.ts';
import type { ProbeAnswer, ProbeTask } from './probe-process.ts';
import type { EngineRecipe } from './recipe.ts';

export interface ProbeOptions {
  /** Milliseconds after which the provider counts as hanging. */
  readonly limit: number;
  /** The file that the process runs; for tests. */
  readonly program?: URL;
}

/**
 * Without `expected`, whether the provider can load the graphs at all. Throws ModelError with the reason,
 * whatever it is: an error, wrong numbers, a crash, no answer in time.
 */
export function probe(
  recipe: EngineRecipe,
  expected: ExpectedTaps | undefined,
  { limit, program = new URL('./probe-process.ts', import.meta.url) }: ProbeOptions,
): Promise<void> {
  // What drivers write is theirs; the reason comes as a message.
  const child = fork(program, {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [],
  });
  return new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => refuse(`no answer within ${limit / 1000} s`), limit);
    const refuse = (reason: string) => reject(new ModelError('engine_failed', reason));
    child.once('error', (error) => refuse(error.message));
    child.once('exit', (code, signal) => refuse(`its process ended with ${signal ?? `exit code ${code}`}`));
    child.once('message', (answer: ProbeAnswer) => {
      if (answer.kind === 'passed') resolve();
      else reject(unpackError(answer.error));
    });
    child.once('exit', () => clearTimeout(timer));
    const task: ProbeTask = { recipe, expected };
    // A process that is gone already has told so by its exit.
    child.send(task, () => undefined);
  }).finally(() => child.kill('SIGKILL'));
}
