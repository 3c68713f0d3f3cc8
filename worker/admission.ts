// How much work is taken in at once. One engine runs one batch at a time, and every waiting request holds
// its image in memory: beyond a bound it is kinder to say no at once than to let all of them time out.

import { SourceError } from '../core/errors.ts';

export interface Admission {
  /** Runs the work when a place is free. Throws SourceError('overloaded') when the queue is full too. */
  run<T>(work: () => Promise<T>): Promise<T>;
  readonly running: number;
  readonly waiting: number;
  /** Resolves when nothing runs or waits; new work is refused from now on. */
  close(): Promise<void>;
}

export interface AdmissionLimits {
  readonly maxRunning: number;
  readonly maxWaiting: number;
}

export function createAdmission({ maxRunning, maxWaiting }: AdmissionLimits): Admission {
  const queue: (() => void)[] = [];
  const idle: (() => void)[] = [];
  let running = 0;
  let closed = false;

  const enter = (): Promise<void> => {
    if (running < maxRunning) {
      running += 1;
      return Promise.resolve();
    }
    // The place is handed over, never freed in between, so `running` cannot overshoot.
    return new Promise((resolve) => queue.push(resolve));
  };
  const leave = (): void => {
    const next = queue.shift();
    if (next === undefined) running -= 1;
    else next();
    if (running === 0) for (const resolve of idle.splice(0)) resolve();
  };

  return {
    async run(work) {
      if (closed || (running >= maxRunning && queue.length >= maxWaiting)) {
        throw new SourceError(
          'overloaded',
          closed ? 'The server is stopping. Try again.' : 'Too much work is waiting. Try again shortly.',
          { retryAfter: 1 },
        );
      }
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
    get running() {
      return running;
    },
    get waiting() {
      return queue.length;
    },
    close() {
      closed = true;
      return running === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve));
    },
  };
}
