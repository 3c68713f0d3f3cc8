// An engine on threads of its own: a batch is divided among them, each with its own copy of the engine. What
// comes out is what one of them alone would give, bit for bit.

import { SHARE_ENV, Worker } from 'node:worker_threads';
import { ModelError } from '../../core/errors.ts';
import type { Engine, EngineRun, ImageBatch } from '../../core/ports.ts';
import type { Tap, TapOutputs } from '../../core/taps.ts';
import { disposedOf } from '../../engine/check-run.ts';
import { THREAD_MEMORY } from '../thread-memory.ts';
import { unpackError } from './carried-error.ts';
import type { EngineRecipe } from './recipe.ts';
import type { ThreadAnswer, ThreadTask } from './thread.ts';

/**
 * `threads` ≥ 1: one per core for engines on the processor, which need not wait for each other within an image;
 * one for a GPU, so that its runs do not hold up the program. Pixels that lie in a SharedArrayBuffer are not copied on their way. Unlike other
 * engines it may be given a batch while it runs another. Throws ModelError, SourceError.
 */
export async function createThreadedEngine(recipe: EngineRecipe, threads: number): Promise<Engine> {
  const opening = Array.from({ length: threads }, () => openThread(recipe));
  const settled = await Promise.allSettled(opening);
  const opened = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = settled.find((result) => result.status === 'rejected');
  const [first] = opened;
  if (failed !== undefined || first === undefined) {
    await Promise.all(opened.map((thread) => thread.close()));
    throw (
      failed?.reason ?? new ModelError('engine_failed', `Expected at least 1 thread but found ${threads}.`)
    );
  }
  let closing: Promise<unknown> | undefined;
  return {
    name: first.name,
    precision: first.precision,
    async run(batch, taps) {
      if (closing !== undefined) {
        throw disposedOf();
      }
      const idlest = opened.toSorted((a, b) => a.waiting() - b.waiting());
      const shares = divide(batch, threads).map((share, index) => (idlest[index] ?? first).run(share, taps));
      // All end before the first failure is told: nothing of this batch is still in work then.
      const ended = await Promise.allSettled(shares);
      const runs = ended.map((share) => {
        if (share.status === 'rejected') throw share.reason;
        return share.value;
      });
      return joinRuns(runs, taps);
    },
    memoryBytes: () => opened.reduce((sum, thread) => sum + thread.memoryBytes(), 0),
    async dispose() {
      closing ??= Promise.all(opened.map((thread) => thread.close()));
      await closing;
    },
  };
}

interface Thread {
  readonly name: string;
  readonly precision: Engine['precision'];
  /** Batches that it has not finished. */
  waiting(): number;
  memoryBytes(): number;
  run(batch: ImageBatch, taps: readonly Tap[]): Promise<EngineRun>;
  close(): Promise<void>;
}

interface Job {
  readonly resolve: (run: EngineRun) => void;
  readonly reject: (error: unknown) => void;
}

function openThread(recipe: EngineRecipe): Promise<Thread> {
  const worker = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: recipe,
    execArgv: [],
    // Native libraries read the process's environment, not a thread's copy (engine/node/no-telemetry.ts).
    env: SHARE_ENV,
    resourceLimits: THREAD_MEMORY,
  });
  const jobs = new Map<number, Job>();
  let memoryBytes = 0;
  let next = 0;
  let ended: ModelError | undefined;
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const post = (task: ThreadTask) => {
    const pixels = task.batch?.data.buffer;
    worker.postMessage(task, pixels instanceof ArrayBuffer ? [pixels] : []);
  };

  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      ended ??= new ModelError('engine_failed', `The engine's thread stopped: ${reason}`);
      for (const job of jobs.values()) job.reject(ended);
      jobs.clear();
      reject(ended);
    };
    worker.on('error', (error) => fail(error instanceof Error ? error.message : String(error)));
    worker.on('exit', (code) => fail(`exit code ${code}`));
    worker.on('message', (answer: ThreadAnswer) => {
      if (answer.kind === 'refused') {
        void worker.terminate();
        reject(unpackError(answer.error));
      } else if (answer.kind === 'opened') {
        resolve({
          name: answer.name,
          precision: answer.precision,
          waiting: () => jobs.size,
          memoryBytes: () => memoryBytes,
          run: (batch, taps) =>
            new Promise((resolve, reject) => {
              if (ended !== undefined) {
                reject(ended);
                return;
              }
              const id = next;
              next += 1;
              jobs.set(id, { resolve, reject });
              post({ id, batch, taps });
            }),
          async close() {
            post({ id: next, taps: [] });
            await exited;
          },
        });
      } else {
        const job = jobs.get(answer.id);
        jobs.delete(answer.id);
        if (answer.kind === 'failed') {
          job?.reject(unpackError(answer.error));
        } else {
          memoryBytes = answer.memoryBytes;
          job?.resolve(answer.run);
        }
      }
    });
  });
}

/** At most `parts` batches of nearly the same number of images, in order; pixels that are not shared are copied. */
function divide({ images, size, data }: ImageBatch, parts: number): ImageBatch[] {
  const count = Math.max(1, Math.min(parts, images));
  const bytes = images === 0 ? 0 : data.length / images;
  return Array.from({ length: count }, (_, part) => {
    const first = Math.floor((part * images) / count);
    const end = Math.floor(((part + 1) * images) / count);
    const pixels = data.subarray(first * bytes, end * bytes);
    const shared = pixels.buffer instanceof SharedArrayBuffer;
    return { images: end - first, size, data: shared ? pixels : pixels.slice() };
  });
}

/** Times are those of the thread that took longest. */
function joinRuns(runs: readonly EngineRun[], taps: readonly Tap[]): EngineRun {
  const [only, ...others] = runs;
  if (only !== undefined && others.length === 0) return only;
  const outputs: TapOutputs = {};
  for (const tap of taps) {
    const parts = runs.map((run) => run.outputs[tap] ?? new Float32Array());
    const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      joined.set(part, offset);
      offset += part.length;
    }
    outputs[tap] = joined;
  }
  const longest = (time: 'backbone' | 'head') => Math.max(...runs.map(({ times }) => times[time]));
  return { outputs, times: { backbone: longest('backbone'), head: longest('head') } };
}
