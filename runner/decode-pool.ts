// The decode pool: threads that turn encoded bytes into crops. Threads, because the decoder that agrees with
// the edge to the pixel (engine/node/decode.ts) runs in the thread that calls it.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { DecodeAnswer, DecodeOutcome, DecodeSettings, DecodeTask } from './decode-thread.ts';
import { THREAD_MEMORY } from './thread-memory.ts';

export interface DecodePool {
  readonly threads: number;
  /**
   * The bytes go to a thread and are gone from this one; the crop is written into `pixels`, which lies in
   * shared memory, or it is left as it was. Callers bound how many they send. Never rejects.
   */
  decode(task: DecodeTask): Promise<DecodeOutcome>;
  close(): Promise<void>;
}

export interface DecodePoolOptions extends DecodeSettings {
  /** As many as cores by default. */
  readonly threads?: number | undefined;
  /** An image that takes longer is given up, and its thread replaced: milliseconds. */
  readonly patience?: number;
  /** Told of each image's time in its thread, milliseconds. */
  readonly onBusy?: (milliseconds: number) => void;
}

/** 80 megapixels of progressive JPEG take 10 s on one core. */
const PATIENCE = 120_000;
/** Patience is counted in so many parts: while the program is suspended at most one of them passes. */
const PARTS = 10;
const THREAD = new URL('./decode-thread.ts', import.meta.url);

interface Task extends DecodeTask {
  readonly resolve: (outcome: DecodeOutcome) => void;
}

export function createDecodePool(options: DecodePoolOptions): DecodePool {
  const { threads, patience = PATIENCE, onBusy, ...settings } = options;
  const count = threads ?? availableParallelism();
  const queue: Task[] = [];
  const idle: Thread[] = [];
  const all = new Set<Thread>();
  let closed = false;

  const next = (thread: Thread): void => {
    const task = queue.shift();
    if (task === undefined) idle.push(thread);
    else thread.take(task);
  };
  const open = (): void => {
    const thread = openThread(settings, patience, {
      free(milliseconds) {
        onBusy?.(milliseconds);
        next(thread);
      },
      lost() {
        all.delete(thread);
        if (idle.includes(thread)) idle.splice(idle.indexOf(thread), 1);
        if (!closed) open();
      },
    });
    all.add(thread);
    next(thread);
  };
  for (let index = 0; index < count; index += 1) open();

  return {
    threads: count,
    decode(task) {
      return new Promise((resolve) => {
        const thread = idle.pop();
        if (thread === undefined) queue.push({ ...task, resolve });
        else thread.take({ ...task, resolve });
      });
    },
    async close() {
      closed = true;
      const failure = { code: 'internal', reason: 'The run ended before this image was decoded.' };
      for (const task of queue.splice(0)) task.resolve({ failure });
      await Promise.all([...all].map((thread) => thread.end()));
    },
  };
}

interface Thread {
  take(task: Task): void;
  end(): Promise<unknown>;
}

/** `free` after each task, `lost` once when the thread has died: of a crash, or of our impatience. */
function openThread(
  settings: DecodeSettings,
  patience: number,
  { free, lost }: { free(milliseconds: number): void; lost(): void },
): Thread {
  const worker = new Worker(THREAD, { workerData: settings, resourceLimits: THREAD_MEMORY });
  let task: Task | undefined;
  let timer: NodeJS.Timeout | undefined;
  let reason = 'The decoding thread died.';
  let givenUp = false;

  const settle = (outcome: DecodeOutcome): void => {
    clearInterval(timer);
    const settled = task;
    task = undefined;
    settled?.resolve(outcome);
  };
  worker.on('message', ({ milliseconds, outcome }: DecodeAnswer) => {
    settle(outcome);
    // An answer on the way meanwhile comes before its end; the next image would go down with it.
    if (!givenUp) free(milliseconds);
  });
  worker.on('error', (error: unknown) => {
    reason = `The decoding thread died: ${error instanceof Error ? error.message : String(error)}`;
  });
  worker.on('exit', () => {
    settle({ failure: { code: 'decoder_failed', reason } });
    lost();
  });
  return {
    take(taken) {
      task = taken;
      let left = PARTS;
      timer = setInterval(() => {
        left -= 1;
        if (left > 0) return;
        clearInterval(timer);
        reason = `Decoding took longer than ${patience / 1000} s and was given up.`;
        givenUp = true;
        void worker.terminate();
      }, patience / PARTS);
      const bytes = owned(taken.bytes);
      worker.postMessage({ bytes, pixels: taken.pixels }, [bytes.buffer]);
    },
    end: () => worker.terminate(),
  };
}

/** A view into a larger buffer would take the whole buffer along: small files share one. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  const whole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  return whole ? new Uint8Array(buffer) : new Uint8Array(bytes);
}
