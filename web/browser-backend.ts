// The model in this browser: a Web Worker runs it, the index is a list in memory. Nothing leaves the machine.

import { topClasses } from '../core/classification.ts';
import type { Backend } from './backend.ts';
import { createMemoryIndex } from './memory-index.ts';
import type { Progress, RunAnswer, RunRequest, RunResult, Wanted } from './model-messages.ts';
import { ModelUnavailableError } from './page-error.ts';

const TOP = 5;

export interface BrowserBackendOptions {
  /** Is told what the page waits for. */
  readonly onProgress: (progress: Progress) => void;
  /** Takes a WebGPU that computes on the processor, which is far slower than our kernel: for tests. */
  readonly allowSoftwareGpu: boolean;
}

/** The worker starts with the first question. */
export function createBrowserBackend(options: BrowserBackendOptions): Backend {
  const run = createRunner(options);
  const index = createMemoryIndex(async (photo) => expected((await run(photo, 'vector')).vector, 'a vector'));
  return {
    async analyse(photo) {
      const { taps, labels, trainedWith, ...facts } = await run(photo, 'analysis');
      const classes = topClasses(expected(taps.scores, 'scores'), TOP).map((ranked) => {
        const taught = trainedWith[ranked.class];
        const label = labels[ranked.class] ?? null;
        return { label, ...ranked, ...(taught === undefined ? {} : { trained_with: taught }) };
      });
      return { ...facts, classes, features: expected(taps.features, 'features') };
    },
    features: async (photo) => expected((await run(photo, 'features')).taps.features, 'features'),
    index,
    otherIndexes: async () => [],
    openIndex: () => index,
  };
}

function expected(values: Float32Array | undefined, what: string): Float32Array {
  if (values !== undefined) return values;
  throw new ModelUnavailableError(`Expected ${what} of the model but found none.`);
}

function createRunner({ onProgress, allowSoftwareGpu }: BrowserBackendOptions) {
  const waiting = new Map<number, { done: (result: RunResult) => void; failed: (error: Error) => void }>();
  let worker: Worker | undefined;
  let count = 0;

  const start = () => {
    const script = `/web/model-worker.js${allowSoftwareGpu ? '?software-gpu' : ''}`;
    const started = new Worker(script, { type: 'module' });
    started.addEventListener('message', ({ data }: MessageEvent<RunAnswer>) => {
      if ('progress' in data) {
        onProgress(data.progress);
        return;
      }
      const asked = waiting.get(data.number);
      waiting.delete(data.number);
      if (!('error' in data)) asked?.done(data.result);
      else asked?.failed(data.isModel ? new ModelUnavailableError(data.error) : new Error(data.error));
    });
    started.addEventListener('error', ({ message }) => {
      for (const { failed } of waiting.values()) {
        failed(new ModelUnavailableError(`The model cannot run in this browser. ${message ?? ''}`));
      }
      waiting.clear();
      started.terminate();
      worker = undefined;
    });
    return started;
  };

  return (photo: Blob, wanted: Wanted): Promise<RunResult> =>
    new Promise((done, failed) => {
      worker ??= start();
      count += 1;
      waiting.set(count, { done, failed });
      const request: RunRequest = { number: count, photo, wanted };
      worker.postMessage(request);
    });
}
