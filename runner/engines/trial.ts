// How fast engines are on this machine: the same images through each in turn, so that a machine whose speed
// drifts treats all alike.

import type { ImageBatch } from '../../core/ports.ts';
import type { Tap } from '../../core/taps.ts';
import type { Passed, Trial } from './choose.ts';

/** Milliseconds, for all engines together. */
export const TRIAL = 2000;

/** Images per second of each engine, by as many batches of its own size as the time allows, at least one. */
export function timedTrial(crop: number, taps: readonly Tap[]): Trial {
  return async (passed) => {
    const batches = passed.map(({ candidate }) => sample(candidate.batchSize, crop));
    const run = async ({ engine }: Passed, batch: ImageBatch) => {
      const start = performance.now();
      await engine.run(batch, taps);
      return performance.now() - start;
    };
    const empty = sample(0, crop);
    // The first batch of a size prepares memory.
    for (const [index, entry] of passed.entries()) await run(entry, batches[index] ?? empty);
    const spent = passed.map(() => 0);
    const done = passed.map(() => 0);
    const end = performance.now() + TRIAL;
    do {
      for (const [index, entry] of passed.entries()) {
        const batch = batches[index] ?? empty;
        spent[index] = (spent[index] ?? 0) + (await run(entry, batch));
        done[index] = (done[index] ?? 0) + batch.images;
      }
    } while (performance.now() < end);
    return passed.map((_, index) => ((done[index] ?? 0) * 1000) / (spent[index] ?? 1));
  };
}

/** Stripes: none of these engines is faster or slower for what is on a picture. */
function sample(images: number, crop: number): ImageBatch {
  const data = new Uint8Array(new SharedArrayBuffer(images * crop * crop * 3));
  data.forEach((_, index) => {
    data[index] = index * 7;
  });
  return { images, size: crop, data };
}
