// The threads on which Node reads files and sharp decodes, whatever thread of ours asks: libuv has four.

import { availableParallelism } from 'node:os';

/** Files being read beside the images being decoded, so that slow disks do not hold up the decoders. */
const READING = 4;

/**
 * Makes room for decoding on every core. Call it before anything reads a file: the pool is made once.
 * What the user's UV_THREADPOOL_SIZE says stays.
 */
export function widenThreadPool(): void {
  process.env.UV_THREADPOOL_SIZE ??= String(availableParallelism() + READING);
}
