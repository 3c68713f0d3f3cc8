// Widens and narrows the ranges layer by layer, as long as the simulated network comes closer to the float one.

import type { FloatRunner } from './float-runner.ts';
import type { Judge, Quality } from './judge.ts';
import type { FloatNetwork } from './network.ts';
import { hasPooledFeatures, type NetworkRanges } from './network-ranges.ts';

/** What a layer's range is tried to be multiplied by. */
const REFINEMENTS = [0.7, 1.4];

export interface Judged {
  readonly ranges: NetworkRanges;
  readonly quality: Quality;
}

/** One round over all activations that have 8 bits, from the last convolution to the first; a change stays when the loss falls. */
export async function refineRanges(
  network: FloatNetwork,
  start: Judged,
  runner: FloatRunner,
  { measure, loss }: Judge,
  progress: (done: number, total: number) => void,
): Promise<Judged> {
  let best = start;
  const places = [
    ...start.ranges.convolutions.map((_, index) => ({ part: 'convolutions' as const, index })).reverse(),
    // The other linear layers have levels in plenty.
    ...(hasPooledFeatures(network) ? [{ part: 'linears' as const, index: 0 }] : []),
  ];
  for (const [done, { part, index }] of places.entries()) {
    progress(done, places.length);
    for (const factor of REFINEMENTS) {
      // The same way again as long as it helps.
      for (let better = true; better; ) {
        const scaled = best.ranges[part].map((range, at) =>
          at === index ? { low: range.low * factor, high: range.high * factor } : range,
        );
        const ranges = { ...best.ranges, [part]: scaled };
        const quality = await measure(runner, ranges);
        better = loss(quality) < loss(best.quality);
        if (better) best = { ranges, quality };
      }
    }
  }
  progress(places.length, places.length);
  return best;
}
