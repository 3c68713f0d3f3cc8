// A thread with one engine in it: batches come in, taps go out (threaded-engine.ts is its other end).

import { parentPort, workerData } from 'node:worker_threads';
import type { Engine, EngineRun, ImageBatch } from '../../core/ports.ts';
import type { Tap } from '../../core/taps.ts';
import { type CarriedError, packError } from './carried-error.ts';
import { type EngineRecipe, makeEngine } from './recipe.ts';

/** Without `batch`, the end: the thread disposes of its engine and stops. */
export interface ThreadTask {
  readonly id: number;
  readonly batch?: ImageBatch;
  readonly taps: readonly Tap[];
}

export type ThreadAnswer =
  /** The first message; the engine exists, or why it does not. */
  | { readonly kind: 'opened'; readonly name: string; readonly precision: Engine['precision'] }
  | { readonly kind: 'refused'; readonly error: CarriedError }
  | { readonly kind: 'ran'; readonly id: number; readonly run: EngineRun; readonly memoryBytes: number }
  | { readonly kind: 'failed'; readonly id: number; readonly error: CarriedError };

const recipe: EngineRecipe = workerData;
const port = parentPort;
const send = (answer: ThreadAnswer, transfer: readonly ArrayBuffer[] = []) =>
  port?.postMessage(answer, transfer);

try {
  const engine = await makeEngine(recipe);
  port?.on('message', (task: ThreadTask) => serve(engine, task));
  send({ kind: 'opened', name: engine.name, precision: engine.precision });
} catch (error) {
  send({ kind: 'refused', error: packError(error) });
}

async function serve(engine: Engine, { id, batch, taps }: ThreadTask): Promise<void> {
  if (batch === undefined) {
    await engine.dispose();
    port?.close();
    return;
  }
  try {
    const { outputs, times } = await engine.run(batch, taps);
    // onnxruntime's own buffers cannot be handed over; a copy is small beside the work that made it.
    const copies = taps.map((tap) => [tap, outputs[tap]?.slice() ?? new Float32Array()] as const);
    const run = { outputs: Object.fromEntries(copies), times };
    send(
      { kind: 'ran', id, run, memoryBytes: engine.memoryBytes() },
      copies.map(([, values]) => values.buffer),
    );
  } catch (error) {
    send({ kind: 'failed', id, error: packError(error) });
  }
}
