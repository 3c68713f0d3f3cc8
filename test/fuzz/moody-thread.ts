// A decoding thread that does what the first byte of an image says.

import { parentPort } from 'node:worker_threads';
import type { Task } from '../../fuzz/decode-thread.ts';

parentPort?.on('message', (task: Task) => {
  if (task === 'measure') parentPort?.postMessage({ heldBytes: 1 });
  else act(task.bytes[0]);
});

function act(byte: number | undefined): void {
  if (byte === 1) throw new Error('moody');
  if (byte === 2) process.exit(3);
  if (byte === 3) return;
  parentPort?.postMessage({ outcome: 'ok' });
}
