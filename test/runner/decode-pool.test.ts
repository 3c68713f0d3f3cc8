// The decode pool when a thread answers at the moment in which it is given up. The threads are stand-ins, since no
// real one can be made to answer just then.

import { expect, test, vi } from 'vitest';
import { createDecodePool } from '../../runner/decode-pool.ts';
import type { DecodeTask } from '../../runner/decode-thread.ts';

const { threads } = vi.hoisted(() => ({ threads: { opened: 0 } }));

vi.mock('node:worker_threads', async () => {
  const { EventEmitter } = await import('node:events');
  class Worker extends EventEmitter {
    readonly #isFirst = threads.opened === 0;

    constructor() {
      super();
      threads.opened += 1;
    }

    postMessage(): void {
      if (!this.#isFirst) setImmediate(() => this.#answer('in time'));
    }

    /** What is on its way comes before the end, as from a real thread. */
    async terminate(): Promise<void> {
      if (this.#isFirst) this.#answer('late');
      this.emit('exit', 1);
    }

    #answer(sha256: string): void {
      this.emit('message', { milliseconds: 1, outcome: { sha256 } });
    }
  }
  return { Worker };
});

test('an image that waits behind one that is given up is decoded by the next thread', async () => {
  const pool = createDecodePool({
    sizes: { resize: 256, crop: 224 },
    limits: { maxBytes: 1, maxPixels: 1 },
    threads: 1,
    patience: 10,
  });
  const task = (): DecodeTask => ({
    bytes: new Uint8Array(1),
    pixels: new Uint8Array(new SharedArrayBuffer(1)),
  });
  const outcomes = await Promise.all([pool.decode(task()), pool.decode(task())]);
  expect(outcomes).toEqual([{ sha256: 'late' }, { sha256: 'in time' }]);
  expect(threads.opened).toBe(2);
  await pool.close();
});
