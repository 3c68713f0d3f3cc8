// Concurrent runs become one: an engine around an engine. What arrives while a batch runs forms the next
// one, so a lone request never waits for company and a crowd shares the work.

import type { Engine, EngineRun, ImageBatch } from '../core/ports.ts';
import type { Tap, TapOutputs } from '../core/taps.ts';
import { disposedOf } from './check-run.ts';

export interface BatchingOptions {
  /** Images in one run of the engine inside, ≥ 1; a larger single request runs as it is. */
  readonly maxImages: number;
  /** Told of every run of the engine inside. */
  readonly onBatch?: (images: number) => void;
}

interface Job {
  readonly batch: ImageBatch;
  readonly taps: readonly Tap[];
  readonly resolve: (run: EngineRun) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Requests for the same taps share a run, in order of arrival; their times are those of the shared run.
 * When a shared run fails, each of its requests runs again alone, so that none fails for another.
 */
export function createBatchingEngine(inner: Engine, { maxImages, onBatch }: BatchingOptions): Engine {
  const queue: Job[] = [];
  let busy: Promise<void> | undefined;
  let disposed = false;

  const runShared = async (jobs: readonly Job[]): Promise<void> => {
    const [first] = jobs;
    if (first === undefined) return;
    try {
      const joined = jobs.length === 1 ? first.batch : join(jobs.map(({ batch }) => batch));
      onBatch?.(joined.images);
      const run = await inner.run(joined, first.taps);
      split(run, jobs);
    } catch (error) {
      if (jobs.length === 1) first.reject(error);
      else for (const job of jobs) await runShared([job]);
    }
  };
  const drain = async (): Promise<void> => {
    while (queue.length > 0) await runShared(takeAlike(queue, maxImages));
    busy = undefined;
  };

  return {
    name: inner.name,
    precision: inner.precision,
    run(batch, taps) {
      if (disposed) {
        return Promise.reject(disposedOf());
      }
      return new Promise((resolve, reject) => {
        queue.push({ batch, taps, resolve, reject });
        busy ??= Promise.resolve().then(drain);
      });
    },
    memoryBytes: () => inner.memoryBytes(),
    async dispose() {
      disposed = true;
      await busy;
      await inner.dispose();
    },
  };
}

/** Removes from the queue its head and whatever else can share a run with it. */
function takeAlike(queue: Job[], maxImages: number): Job[] {
  const [head] = queue;
  if (head === undefined) return [];
  const taken = [head];
  let images = head.batch.images;
  for (const job of queue.slice(1)) {
    const alike = job.batch.size === head.batch.size && sameTaps(job.taps, head.taps);
    if (!alike || images + job.batch.images > maxImages) continue;
    taken.push(job);
    images += job.batch.images;
  }
  queue.splice(0, queue.length, ...queue.filter((job) => !taken.includes(job)));
  return taken;
}

function sameTaps(a: readonly Tap[], b: readonly Tap[]): boolean {
  return a.length === b.length && a.every((tap) => b.includes(tap));
}

function join(batches: readonly ImageBatch[]): ImageBatch {
  const data = new Uint8Array(batches.reduce((sum, batch) => sum + batch.data.length, 0));
  let offset = 0;
  for (const batch of batches) {
    data.set(batch.data, offset);
    offset += batch.data.length;
  }
  const images = batches.reduce((sum, batch) => sum + batch.images, 0);
  return { images, size: batches[0]?.size ?? 0, data };
}

/** Gives each request its own rows. Copies, so that one small request does not keep the whole batch alive. */
function split({ outputs, times }: EngineRun, jobs: readonly Job[]): void {
  const total = jobs.reduce((sum, { batch }) => sum + batch.images, 0);
  let row = 0;
  for (const { batch, resolve } of jobs) {
    const own: TapOutputs = {};
    for (const [tap, values] of Object.entries(outputs) as [Tap, Float32Array][]) {
      const width = values.length / total;
      own[tap] = jobs.length === 1 ? values : values.slice(row * width, (row + batch.images) * width);
    }
    row += batch.images;
    resolve({ outputs: own, times });
  }
}
