// Kills a run (-9) again and again at random moments and goes on with it by the same command. Used by the test
// with the tiny model, and by `npm run check:kills` with a real one.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runBytes } from './run-fixture.ts';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');

export interface StartedRun {
  readonly child: ChildProcess;
  /** The exit code, or the signal that killed it. */
  readonly ended: Promise<number | string | null>;
  /** What it has said so far, but for its events. */
  complaints(): string;
  onEvent(told: (event: { readonly event: string; readonly how?: string }) => void): void;
}

export function startRun(photos: string, out: string, options: readonly string[]): StartedRun {
  const child = spawn(process.execPath, [MAIN, 'embed', photos, '--out', out, '--json', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (text) => {
    complaints += text;
  });
  const lines = createInterface({ input: child.stdout });
  return {
    child,
    complaints: () => complaints,
    ended: once(child, 'exit').then(([code, signal]: (number | string | null)[]) => code ?? signal ?? null),
    onEvent: (told) => void lines.on('line', (line) => told(JSON.parse(line))),
  };
}

export interface KillRunsOptions {
  readonly photos: string;
  readonly out: string;
  /** Of vgg-edge embed. */
  readonly options: readonly string[];
  readonly kills: number;
  /** Longest time from the start of the work to a kill, milliseconds. */
  readonly within: number;
  readonly onKill?: (kills: number) => void;
}

/**
 * Half of the kills are aimed at moments when a shard is put in its place, the others hit anywhere. A run that
 * ends before it was killed often enough is begun anew. Resolves to the bytes of each run that ended.
 */
export async function killRuns(settings: KillRunsOptions): Promise<Record<string, string>[]> {
  const { photos, out, options, kills, within, onKill } = settings;
  const ends: Record<string, string>[] = [];
  const finish = async (run: StartedRun): Promise<void> => {
    const ended = await run.ended;
    if (ended !== 0) {
      throw new Error(`Expected the run to end with 0 but it ended with ${ended}. ${run.complaints()}`);
    }
    ends.push(await runBytes(out));
    await rm(out, { recursive: true });
  };
  let done = 0;
  while (done < kills) {
    const run = startRun(photos, out, options);
    const kill = (latest: number) => setTimeout(() => run.child.kill('SIGKILL'), Math.random() * latest);
    const aimed = done % 2 === 0;
    let shards = 1 + Math.floor(Math.random() * 4);
    run.onEvent(({ event, how }) => {
      if (!aimed && event === 'start') kill(within);
      if (event !== 'shard' || how !== 'done') return;
      shards -= 1;
      if (aimed && shards === 0) kill(15);
    });
    const ended = await run.ended;
    if (ended === 'SIGKILL') {
      done += 1;
      onKill?.(done);
    } else await finish(run);
  }
  await finish(startRun(photos, out, options));
  return ends;
}
