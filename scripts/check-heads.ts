// `npm run check:heads -- WEIGHTS PHOTOS [--also FOLDER]… [--forms REGEXP]`: full-size classifiers of trained
// weights, which `npm test` has not. Factors are multiplied out, forms of the classifier are made as `build --memory`
// does, and those of 4 bits that fit 128 MB are held to the goal: top-1 as the float32 classifier's on 98 %.

import { cpus } from 'node:os';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { createProgress } from '../cli/progress.ts';
import { table } from '../cli/table.ts';
import type { ImageBatch } from '../core/ports.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { withRunner } from '../model-build/float-runner.ts';
import { headForms, replaceHead } from '../model-build/head-forms.ts';
import { type ImageSets, photoSets } from '../model-build/image-sets.ts';
import { reservedBytes } from '../model-build/isolate-memory.ts';
import { layerValues } from '../model-build/layer-values.ts';
import { openMatrixProducts } from '../model-build/matrix-product.ts';
import { measureActivations } from '../model-build/measure-activations.ts';
import { type HeadReference, measureHead, quantisedFeatures } from '../model-build/measure-head.ts';
import { multiplyOut } from '../model-build/multiply-out.ts';
import { TORCHVISION_INPUT } from '../model-build/network.ts';
import { networkLevels, rangesBy } from '../model-build/network-ranges.ts';
import { openWeights } from '../model-build/open-weights.ts';
import { quantiseNetwork } from '../model-build/quantise.ts';
import { readNetwork } from '../model-build/read-network.ts';

const GOAL = 0.98;
const { decoderBytes, scriptBytes } = reservedBytes(TORCHVISION_INPUT.resize);
const WASM_LIMIT = 128e6 - decoderBytes - scriptBytes;

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: { also: { type: 'string', multiple: true, default: [] }, forms: { type: 'string' } },
});
const [weights, photos] = positionals;
if (weights === undefined || photos === undefined) {
  console.error("Expected npm run check:heads -- WEIGHTS PHOTOS [--also FOLDER]… [--forms '^int8$|4-bit'].");
  process.exit(2);
}
const start = performance.now();
const progress = createProgress().update;
await using products = await openMatrixProducts();
const { calibration, heldOut } = await readPhotos(photos);
const network = await fullSize(weights);
// The build tries several ranges; what it took for every trained network so far is enough here.
const observed = await withRunner(network, { expose: true }, (runner) =>
  measureActivations(runner, network, calibration, report('measuring activations')),
);
const levels = networkLevels(network, rangesBy('relative-mse', network, observed));
const quantised = quantiseNetwork(network, levels);
const features = await quantisedFeatures(quantised, calibration, report('features to calibrate with'));
const sets = [{ name: `${heldOut.images} held out`, reference: await headReference(heldOut) }];
for (const folder of options.also) {
  const images = whole(await readPhotos(folder));
  sets.push({ name: `${images.images} of ${basename(folder)}`, reference: await headReference(images) });
}

const wanted = new RegExp(options.forms ?? '');
const forms = headForms({ network, levels: levels.linears, features, products }).filter(({ name }) =>
  wanted.test(name),
);
if (forms.length === 0) {
  console.error(`Expected --forms to match a form of the classifier but ${wanted} matches none.`);
  process.exit(2);
}
const rows: string[][] = [];
let held = 0;
const missed: string[] = [];
for (const { name, make } of forms) {
  const head = replaceHead(quantised, await make());
  for (const { name: images, reference } of sets) {
    const { wasmBytes, cosine, divergence, headTop1Agreement } = await measureHead(head, reference);
    const row = [
      name,
      (wasmBytes / 1e6).toFixed(1),
      images,
      percent(headTop1Agreement),
      cosine.fc6.toFixed(5),
      cosine.fc7.toFixed(5),
      divergence.toFixed(5),
    ];
    rows.push(row);
    // The whole takes minutes: each is shown as it comes.
    console.log(row.join('  '));
    if (!name.startsWith('4-bit') || wasmBytes > WASM_LIMIT) continue;
    held += 1;
    if (headTop1Agreement < GOAL) missed.push(`${name} on ${images}`);
  }
}
console.log(`\n${table(['classifier', 'WASM MB', 'images', 'top-1', 'fc6', 'fc7', 'nats'], rows)}`);
console.log('\nAgainst the float32 classifier from the same int8 features: top-1 agreement, mean cosines,');
console.log(
  `divergence of the scores. WASM: convolutions and classifier, ${megabytes(WASM_LIMIT)} fit 128 MB.`,
);
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const seconds = ((performance.now() - start) / 1000).toFixed(0);
const ofCpu = ((userCPUTime + systemCPUTime) / 1e6).toFixed(0);
console.log(
  `\n${cpus()[0]?.model}: ${seconds} s, ${ofCpu} s of CPU time, ${(maxRSS / 1024).toFixed(0)} MiB at most`,
);
console.log(verdict());
process.exitCode = held > 0 && missed.length === 0 ? 0 : 1;

function verdict(): string {
  if (held === 0) return 'No 4-bit classifier that fits was tried: nothing was held to the goal.';
  return missed.length === 0
    ? `Every 4-bit classifier that fits keeps at least ${100 * GOAL} % of the float32 one's top-1.`
    : `Below ${100 * GOAL} % of the float32 classifier's top-1: ${missed.join('; ')}`;
}

function report(stage: string) {
  return (done: number, total: number) => progress(stage, done, total);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

async function readPhotos(folder: string) {
  return await photoSets(folder, TORCHVISION_INPUT, {
    holdOutEvery: 2,
    decoder: await createNodeDecoder(),
    progress: report('reading photos'),
  });
}

function whole({ calibration, heldOut }: ImageSets): ImageBatch {
  const data = new Uint8Array(calibration.data.length + heldOut.data.length);
  data.set(calibration.data);
  data.set(heldOut.data, calibration.data.length);
  return { ...heldOut, images: calibration.images + heldOut.images, data };
}

/** What the float32 classifier gives from the int8 features. */
async function headReference(images: ImageBatch): Promise<HeadReference> {
  const given = await quantisedFeatures(quantised, images, report('features to measure on'));
  const [, fc6, fc7, scores] = (await layerValues(network.linears, given, products)).map(
    ({ values }) => values,
  );
  if (fc6 === undefined || fc7 === undefined || scores === undefined) {
    throw new TypeError('Expected a classifier of three layers.');
  }
  return { features: given, outputs: { fc6, fc7, scores }, headScores: scores };
}

/** The weights with batch norm folded in and without factors. */
async function fullSize(path: string) {
  const file = await openWeights(path);
  try {
    return await multiplyOut(await readNetwork(file, TORCHVISION_INPUT), products);
  } finally {
    await file.close();
  }
}
