// How much work is taken in at once. One engine runs one batch at a time, and every waiting request holds
// its image in memory: beyond a bound it is kinder to say no at once than to let all of them time out.

import { SourceError } from '../core/errors.ts';

export interface Admission {
  /**
   * Runs the work when a place is free. Throws SourceError('overloaded') when the queue is full too, or no place
   * became free in `maxWait`.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
  readonly running: number;
  readonly waiting: number;
  /** Resolves when nothing runs or waits; new work is refused from now on. */
  close(): Promise<void>;
}

export interface AdmissionLimits {
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** Milliseconds; 20 s if left out. */
  readonly maxWait?: number;
}

/** Less than the 30 s for which Cloudflare runs on a request whose client left (worker/handler.ts). */
const MAX_WAIT = 20_000;

interface Waiter {
  readonly enter: () => void;
  readonly deadline: number;
}

export function createAdmission(
  { maxRunning, maxWaiting, maxWait = MAX_WAIT }: AdmissionLimits,
  now: () => number = () => performance.now(),
): Admission {
  const queue: Waiter[] = [];
  const idle: (() => void)[] = [];
  let running = 0;
  let closed = false;

  // In Workers the continuation of a request that was ended never runs: a place handed to it would be lost for
  // ever. So nobody waits longer than such a request lives, and who has waited longer is passed over.
  const dropLate = (): void => {
    while (queue[0] !== undefined && now() >= queue[0].deadline) queue.shift();
  };
  const enter = async (): Promise<void> => {
    if (running < maxRunning) {
      running += 1;
      return;
    }
    // The place is handed over, never freed in between, so `running` cannot overshoot.
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { enter: resolve, deadline: now() + maxWait };
    queue.push(waiter);
    const timer = setTimeout(() => {
      const place = queue.indexOf(waiter);
      if (place >= 0) queue.splice(place, 1);
      reject(overloaded('No place became free in time. Try again shortly.'));
    }, maxWait);
    await promise.finally(() => clearTimeout(timer));
  };
  const leave = (): void => {
    dropLate();
    const next = queue.shift();
    if (next === undefined) running -= 1;
    else next.enter();
    if (running === 0) for (const resolve of idle.splice(0)) resolve();
  };

  return {
    async run(work) {
      dropLate();
      if (closed) throw overloaded('The server is stopping. Try again.');
      if (running >= maxRunning && queue.length >= maxWaiting) {
        throw overloaded('Too much work is waiting. Try again shortly.');
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

function overloaded(message: string): SourceError {
  return new SourceError('overloaded', message, { retryAfter: 1 });
}
