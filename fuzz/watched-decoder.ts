// The fuzzer's side of decode-thread.ts: asks it, and puts another in its place when it hangs or dies.

import { Worker } from 'node:worker_threads';
import type { Task, Verdict } from './decode-thread.ts';

/** Milliseconds without an answer. */
const PATIENCE = 2000;
/** Milliseconds to start, or for a collection of garbage, and the answer. */
const MEASURING = 60_000;

export interface WatchedDecoder {
  /**
   * What became of an image: decode-thread.ts's verdict, or `hang: …` or `crash: …` of the thread itself. Then it
   * was `replaced`, and what the next one holds says nothing about this one.
   */
  decode(bytes: Uint8Array): Promise<{ readonly outcome: string; readonly replaced: boolean }>;
  /** Bytes that stay for ever. Throws Error where the thread does not tell. */
  heldBytes(): Promise<number>;
  end(): Promise<void>;
}

/** `script`: what to run in the thread. Throws Error where it does not start. */
export async function watchDecoder(script: URL): Promise<WatchedDecoder> {
  let thread = await start(script);
  return {
    async decode(bytes) {
      const answer = await ask(thread, { bytes }, PATIENCE);
      if ('outcome' in answer) return { outcome: answer.outcome, replaced: false };
      await thread.terminate();
      thread = await start(script);
      return { outcome: 'lost' in answer ? answer.lost : 'crash: no verdict', replaced: true };
    },
    heldBytes: () => heldBytes(thread),
    async end() {
      await thread.terminate();
    },
  };
}

/** Its first answer shows that it stands: compiling the decoders is not taken for a hang. */
async function start(script: URL): Promise<Worker> {
  const thread = new Worker(script);
  await heldBytes(thread);
  return thread;
}

async function heldBytes(thread: Worker): Promise<number> {
  const answer = await ask(thread, 'measure', MEASURING);
  if ('heldBytes' in answer) return answer.heldBytes;
  throw new Error(`Expected the decoding thread to tell its memory but found ${JSON.stringify(answer)}.`);
}

function ask(thread: Worker, task: Task, patience: number): Promise<Verdict | { readonly lost: string }> {
  return new Promise((resolve) => {
    const settle = (answer: Verdict | { readonly lost: string }) => {
      clearTimeout(timer);
      thread.off('message', settle).off('error', failed).off('exit', exited);
      resolve(answer);
    };
    const failed = (error: Error) => settle({ lost: `crash: ${error.stack}` });
    const exited = (code: number) => settle({ lost: `crash: the thread ended with ${code}` });
    const timer = setTimeout(() => settle({ lost: `hang: no answer within ${patience} ms` }), patience);
    thread.on('message', settle).on('error', failed).on('exit', exited);
    thread.postMessage(task);
  });
}
