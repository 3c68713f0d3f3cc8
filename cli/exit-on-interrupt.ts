// Ctrl-C for commands without a clean end of their own: they end at once, but by process.exit, so that
// temporary folders go too.

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Until it is disposed of. */
export function exitOnInterrupt(): Disposable {
  const listeners = (['SIGINT', 'SIGTERM'] as const).map((name) => ({
    name,
    exit: () => process.exit(EXIT_CODES[name]),
  }));
  for (const { name, exit } of listeners) process.on(name, exit);
  return {
    [Symbol.dispose]() {
      for (const { name, exit } of listeners) process.off(name, exit);
    },
  };
}
