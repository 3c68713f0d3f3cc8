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
    if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    controller.abort();
    asked();
  };
  for (const name of SIGNALS) process.on(name, stop);
  return {
    signal: controller.signal,
    release() {
      for (const name of SIGNALS) process.off(name, stop);
    },
  };
}
