// Which ranges a refinement tries: those that decide levels, and no others.

import { expect, test } from 'vitest';
import type { FloatRunner } from '../../model-build/float-runner.ts';
import type { NetworkRanges } from '../../model-build/network-ranges.ts';
import { refineRanges } from '../../model-build/refine-ranges.ts';
import { smallNetwork } from './networks.ts';

const QUALITY = { divergence: 1, featuresCosine: 0 };
const RUNNER: FloatRunner = { run: async () => new Map(), [Symbol.asyncDispose]: async () => {} };

test.each([
  ['a map of 7 × 7 goes to the classifier as it is', 56, []],
  ['a larger one is pooled: its values have levels of their own', 64, [0]],
])('%s', async (_what, crop, linears) => {
  const network = smallNetwork({ crop });
  const range = { low: 0, high: 1 };
  const ranges = { convolutions: network.convolutions.map(() => range), linears: [range, range, range] };
  const tried: NetworkRanges[] = [];
  const judge = {
    measure: async (_runner: FloatRunner, found: NetworkRanges) => {
      tried.push(found);
      return QUALITY;
    },
    loss: () => 0,
  };
  const start = { ranges, quality: QUALITY };
  expect(await refineRanges(network, start, RUNNER, judge, () => {})).toBe(start);
  const changed = (part: keyof NetworkRanges) =>
    tried.map((each) => each[part].findIndex((found) => found.high !== 1)).filter((index) => index >= 0);
  // Narrower and wider, from the last to the first.
  expect(changed('convolutions')).toEqual([3, 3, 2, 2, 1, 1, 0, 0]);
  expect(changed('linears')).toEqual(linears.flatMap((index) => [index, index]));
});
