// Ctrl-C: the first asks for a clean end, the second ends at once.

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Leaves Ctrl-C to itself again. */
  release(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** `asked` is called at the first. */
export function stopOnInterrupt(asked: () => void): Interrupt {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      release();
      // By the signal itself: process.exit would wait for native threads, and onnxruntime's abort then.
      process.kill(process.pid, name);
      // The first process of a container is not ended by signals of its own.
      process.exit(name === 'SIGINT' ? 130 : 143);
    }
    controller.abort();
    asked();
  };
  const release = (): void => {
    for (const name of SIGNALS) process.off(name, stop);
  };
  for (const name of SIGNALS) process.on(name, stop);
  return { signal: controller.signal, release };
}
