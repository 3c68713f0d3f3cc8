// `npm run check:heads -- WEIGHTS PHOTOS [MEGABYTES]`: full-size classifiers of trained weights, which `npm test` has not.
// Factors are multiplied out, every form of the classifier is made and measured as `build --memory` does, and the
// 4-bit ones are held to the goal: top-1 agreement with the float32 classifier of at least 98 %.

import { headTable } from '../cli/head-table.ts';
import { createProgress } from '../cli/progress.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { chooseHead } from '../model-build/choose-head.ts';
import { withRunner } from '../model-build/float-runner.ts';
import { photoSets } from '../model-build/image-sets.ts';
import { openMatrixProducts } from '../model-build/matrix-product.ts';
import { measureActivations } from '../model-build/measure-activations.ts';
import { multiplyOut } from '../model-build/multiply-out.ts';
import { TORCHVISION_INPUT } from '../model-build/network.ts';
import { networkLevels, rangesBy } from '../model-build/network-ranges.ts';
import { openWeights } from '../model-build/open-weights.ts';
import { quantiseNetwork } from '../model-build/quantise.ts';
import { readNetwork } from '../model-build/read-network.ts';

const GOAL = 0.98;

const [weights, photos, megabytes = '128'] = process.argv.slice(2);
if (weights === undefined || photos === undefined) {
  console.error('Expected npm run check:heads -- WEIGHTS PHOTOS [MEGABYTES].');
  process.exit(2);
}
const start = performance.now();
const progress = createProgress().update;
const images = await photoSets(photos, TORCHVISION_INPUT, {
  holdOutEvery: 2,
  decoder: await createNodeDecoder(),
  progress: (done, total) => progress('reading photos', done, total),
});
const network = await fullSize(weights);
// The build tries several ranges; what it took for every trained network so far is enough here.
const observed = await withRunner(network, { expose: true }, (runner) =>
  measureActivations(runner, network, images.calibration, (done, total) =>
    progress('measuring activations', done, total),
  ),
);
const levels = networkLevels(network, rangesBy('relative-mse', network, observed));
const quantised = quantiseNetwork(network, levels);
const limitBytes = Number(megabytes) * 1e6;
const { headChoice } = await chooseHead({
  network,
  levels,
  quantised,
  images,
  limitBytes,
  byScores: true,
  progress,
  // The whole takes minutes: each is shown as it comes.
  measured: ({ name, top1Agreement, headTop1Agreement, wasmBytes }) =>
    console.log(
      `${name}: top-1 as float32's ${percent(top1Agreement)}, as the float32 classifier's ${percent(headTop1Agreement)}, ${(wasmBytes / 1e6).toFixed(1)} MB`,
    ),
});
console.log(`\n${headTable({ headChoice })}`);
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const seconds = ((performance.now() - start) / 1000).toFixed(0);
const ofCpu = ((userCPUTime + systemCPUTime) / 1e6).toFixed(0);
console.log(`\n${seconds} s, ${ofCpu} s of CPU time, ${(maxRSS / 1024).toFixed(0)} MiB at most`);
const packed = headChoice.candidates.filter(({ name }) => name.startsWith('4-bit'));
const missed = packed.filter(({ headTop1Agreement }) => headTop1Agreement < GOAL);
console.log(
  missed.length === 0
    ? `Every 4-bit classifier keeps at least ${100 * GOAL} % of the float32 one's top-1.`
    : `Below ${100 * GOAL} % of the float32 classifier's top-1: ${missed.map(({ name }) => name).join('; ')}`,
);
process.exitCode = missed.length === 0 ? 0 : 1;

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** The weights with batch norm folded in and without factors. */
async function fullSize(path: string) {
  const file = await openWeights(path);
  try {
    await using products = await openMatrixProducts();
    return await multiplyOut(await readNetwork(file, TORCHVISION_INPUT), products);
  } finally {
    await file.close();
  }
}
