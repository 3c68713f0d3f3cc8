// Taking leave of a Redis that may be away: its clients' commands wait for it without end.

import { setTimeout } from 'node:timers/promises';

/** Milliseconds. */
const WITHIN = 5000;

/** What BullMQ's queues, workers and listeners have in common. */
export interface Leavable {
  disconnect(): Promise<void>;
}

/** Resolves when `end` does, but not later than 5 s after `begun` has; nothing holds the process then. */
export async function leave(
  clients: readonly Leavable[],
  end: Promise<unknown>,
  begun: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  const left = new AbortController();
  const late = begun
    .then(() => setTimeout(WITHIN, undefined, { signal: left.signal }))
    .catch(() => undefined);
  await Promise.race([end, late]);
  left.abort();
  // Where Redis is away it never resolves, but no client tries to come back.
  for (const client of clients) client.disconnect().catch(() => undefined);
}
