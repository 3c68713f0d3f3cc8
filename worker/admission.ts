// How much work is taken in at once. One engine runs one batch at a time, and every waiting request holds
// its image in memory: beyond a bound it is kinder to say no at once than to let all of them time out.

import { InputError, SourceError } from '../core/errors.ts';

export interface Admission {
  /**
   * Runs the work when a place is free. Throws SourceError('overloaded') when the queue is full too, or no place
   * became free in `maxWait`, and InputError('bad_request') when `signal` says that the client left before that.
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
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

/**
 * Milliseconds after which a place counts as lost: a request that Cloudflare ends half a minute after its client
 * left never gives its place back. Nothing that goes well takes a tenth of it.
 */
const LOST_AFTER = 300_000;

interface Place {
  readonly since: number;
}

interface Waiter {
  readonly enter: (place: Place) => void;
  readonly deadline: number;
}

export function createAdmission(
  { maxRunning, maxWaiting, maxWait = MAX_WAIT }: AdmissionLimits,
  now: () => number = () => performance.now(),
): Admission {
  const queue: Waiter[] = [];
  const idle: (() => void)[] = [];
  const places = new Set<Place>();
  let closed = false;

  // In Workers the continuation of a request that was ended never runs: a place handed to it would be lost for
  // ever. So nobody waits longer than such a request lives, and who has waited longer is passed over.
  const dropLate = (): void => {
    while (queue[0] !== undefined && now() >= queue[0].deadline) queue.shift();
  };
  const take = (): Place => {
    const place = { since: now() };
    places.add(place);
    return place;
  };
  const enter = async (signal: AbortSignal | undefined): Promise<Place> => {
    if (places.size < maxRunning) return take();
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const waiter = { enter: resolve, deadline: now() + maxWait };
    queue.push(waiter);
    const giveUp = (error: Error) => {
      const place = queue.indexOf(waiter);
      if (place >= 0) queue.splice(place, 1);
      reject(error);
    };
    const leaveQueue = () => giveUp(left());
    const timer = setTimeout(
      () => giveUp(overloaded('No place became free in time. Try again shortly.')),
      maxWait,
    );
    signal?.addEventListener('abort', leaveQueue);
    // Here, not where the place is handed over: that is another request's turn, which may not touch ours.
    return await promise.finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', leaveQueue);
    });
  };
  /** The place is handed over, never free in between, so that nobody overtakes. */
  const leave = (place: Place): void => {
    // One that was taken for lost has been given to others already.
    if (!places.delete(place)) return;
    dropLate();
    const next = queue.shift();
    if (next !== undefined) next.enter(take());
    if (places.size === 0) for (const resolve of idle.splice(0)) resolve();
  };
  const takeBackLost = (): void => {
    for (const place of [...places]) if (now() - place.since > LOST_AFTER) leave(place);
  };

  return {
    async run(work, signal) {
      if (signal?.aborted === true) throw left();
      dropLate();
      if (places.size >= maxRunning) takeBackLost();
      if (closed) throw overloaded('The server is stopping. Try again.');
      if (places.size >= maxRunning && queue.length >= maxWaiting) {
        throw overloaded('Too much work is waiting. Try again shortly.');
      }
      const place = await enter(signal);
      try {
        return await work();
      } finally {
        leave(place);
      }
    },
    get running() {
      return places.size;
    },
    get waiting() {
      return queue.length;
    },
    close() {
      closed = true;
      return places.size === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve));
    },
  };
}

function left(): InputError {
  return new InputError('bad_request', 'The client left before its turn came.');
}

function overloaded(message: string): SourceError {
  return new SourceError('overloaded', message, { retryAfter: 1 });
}
