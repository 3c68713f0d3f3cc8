// The model in this browser: a Web Worker runs it, the index is a list in memory. Nothing leaves the machine.

import { topClasses } from '../core/classification.ts';
import { normaliseL2, poolMap } from '../core/descriptors.ts';
import { matchRegions } from '../core/region-match.ts';
import { type Backend, MAP_SIDE } from './backend.ts';
import { createMemoryIndex } from './memory-index.ts';
import type { RunAnswer, RunRequest, RunResult } from './model-messages.ts';

const TOP = 5;

/** `onProgress` is told what the page waits for. The worker starts with the first question. */
export function createBrowserBackend(onProgress: (message: string) => void): Backend {
  const run = createRunner(onProgress);
  const featuresOf = async (photo: Blob, scores = false) => {
    const result = await run(photo, scores);
    const { features } = result.taps;
    if (features === undefined) throw new Error('Expected features of the model but found none.');
    return { ...result, features };
  };
  return {
    async analyse(photo) {
      const { features, taps, labels, trainedWith, ...facts } = await featuresOf(photo, true);
      const classes = topClasses(taps.scores ?? new Float32Array(), TOP).map((ranked) => {
        const taught = trainedWith[ranked.class];
        const label = labels[ranked.class] ?? null;
        return { label, ...ranked, ...(taught === undefined ? {} : { trained_with: taught }) };
      });
      return { ...facts, classes, features };
    },
    async matchRegions(first, second) {
      const { features: a } = await featuresOf(first);
      const { features: b } = await featuresOf(second);
      return matchRegions(a, b, [a.length / MAP_SIDE ** 2, MAP_SIDE, MAP_SIDE]);
    },
    index: createMemoryIndex(async (photo) => {
      const { features } = await featuresOf(photo);
      // The descriptor that /v1/indexes makes by default.
      return normaliseL2(poolMap(features, 'gem'));
    }),
  };
}

function createRunner(onProgress: (message: string) => void) {
  const waiting = new Map<number, { done: (result: RunResult) => void; failed: (error: Error) => void }>();
  let worker: Worker | undefined;
  let count = 0;

  const start = () => {
    const started = new Worker('/web/model-worker.js', { type: 'module' });
    started.addEventListener('message', ({ data }: MessageEvent<RunAnswer>) => {
      if ('progress' in data) {
        onProgress(data.progress);
        return;
      }
      const asked = waiting.get(data.number);
      waiting.delete(data.number);
      if ('error' in data) asked?.failed(new Error(data.error));
      else asked?.done(data.result);
    });
    started.addEventListener('error', ({ message }) => {
      for (const { failed } of waiting.values()) {
        failed(new Error(`The model cannot run in this browser. ${message ?? ''}`));
      }
      waiting.clear();
      worker = undefined;
    });
    return started;
  };

  return (photo: Blob, scores: boolean): Promise<RunResult> =>
    new Promise((done, failed) => {
      worker ??= start();
      count += 1;
      waiting.set(count, { done, failed });
      const request: RunRequest = { number: count, photo, scores };
      worker.postMessage(request);
    });
}
