// A run was asked to stop and did: no failure, and nothing is lost.

export class StoppedError extends Error {
  constructor() {
    super('Stopped; the same command goes on from here.');
    this.name = 'StoppedError';
  }
}

/** What it resolves to, or StoppedError at once when `signal` is aborted; what comes of it then is nobody's. */
export function orStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new StoppedError());
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** As `orStopped` for each of the items. */
export async function* untilStopped<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await orStopped(iterator.next(), signal);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    const ending = Promise.resolve(iterator.return?.()).then(
      () => undefined,
      () => undefined,
    );
    // One that is given up may never answer.
    if (!signal.aborted) await ending;
  }
}
