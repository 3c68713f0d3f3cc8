// One form of the classifier, stored as it would be and run by our engine: how near it stays to float32 on images
// not calibrated with, and what it takes.

import { readFile } from 'node:fs/promises';
import type { HeadCandidate, Manifest } from '../core/manifest.ts';
import type { ImageBatch } from '../core/ports.ts';
import type { Tap, TapOutputs } from '../core/taps.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { loadBackbone } from '../engine/winograd/backbone.ts';
import { loadHead } from '../engine/winograd/head.ts';
import { KERNEL_BYTES, startKernel } from '../engine/winograd/kernel.ts';
import { createMemory } from '../engine/winograd/layout.ts';
import { HEAD_IMAGES } from '../engine/winograd/plan-head.ts';
import { plannedMemory } from '../engine/winograd/planned-memory.ts';
import { cosineFigures, joined, meanDivergence, neighbourOverlap, top1Agreement } from './fidelity.ts';
import { inBatches } from './image-sets.ts';
import type { Matrix } from './matrix-product.ts';
import type { QuantisedNetwork } from './network.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { describeModel, writeWeights } from './write-model.ts';

const KERNEL = new URL('../engine/winograd/kernel.wasm', import.meta.url);
const HEAD_TAPS = ['fc6', 'fc7', 'scores'] as const satisfies readonly Tap[];
/** Runs for one image of which the fastest counts. */
const TIMED_RUNS = 5;
/** Images that are computed at once. */
const BATCH = 4;

/** What heads are compared with, for the same images. */
export interface HeadReference {
  /** As the int8 backbone gives them, [images, features]. */
  readonly features: Matrix;
  /** Of the float32 network from the pixels. */
  readonly outputs: Readonly<Record<(typeof HEAD_TAPS)[number], Float32Array>>;
  /** Of the float32 head from `features`. */
  readonly headScores: Float32Array;
}

export type HeadFigures = Omit<HeadCandidate, 'name' | 'taken' | 'isolateBytes'> & {
  readonly backboneBytes: number;
  /** Of the head for one image: the fastest of a few runs, of no meaning beyond this machine. */
  readonly milliseconds: number;
};

export async function measureHead(network: QuantisedNetwork, reference: HeadReference): Promise<HeadFigures> {
  const { features, outputs, headScores } = reference;
  return await withModel(network, async (manifest, files, module) => {
    const memory = createMemory(KERNEL_BYTES);
    const kernel = await startKernel(module, memory);
    const place = { memory, start: KERNEL_BYTES, imagesPerPass: HEAD_IMAGES };
    const head = await loadHead({ manifest, files, kernel, ...place });
    const images = features.rows;
    const found = head.run(features.values, images, HEAD_TAPS);
    const cosine = (tap: (typeof HEAD_TAPS)[number]) =>
      cosineFigures(outputs[tap], valuesOf(found, tap), images).mean;
    const scores = valuesOf(found, 'scores');
    const planned = plannedMemory(manifest);
    const one = features.values.subarray(0, features.columns);
    const times = Array.from({ length: TIMED_RUNS }, () => {
      const start = performance.now();
      head.run(one, 1, ['scores']);
      return performance.now() - start;
    });
    return {
      weightBytes: headBytes(manifest),
      wasmBytes: planned.scores,
      backboneBytes: planned.features,
      milliseconds: Math.min(...times),
      cosine: { fc6: cosine('fc6'), fc7: cosine('fc7'), scores: cosine('scores') },
      top1Agreement: top1Agreement(outputs.scores, scores, images),
      divergence: meanDivergence(outputs.scores, scores, images),
      neighbourOverlap10: neighbourOverlap(outputs.fc6, valuesOf(found, 'fc6'), images),
      headTop1Agreement: top1Agreement(headScores, scores, images),
    };
  });
}

/** `features` of the quantised network by our engine, [images, features]. */
export async function quantisedFeatures(
  network: QuantisedNetwork,
  images: ImageBatch,
  progress: (done: number, total: number) => void,
): Promise<Matrix> {
  return await withModel(network, async (manifest, files, module) => {
    const backbone = await loadBackbone(manifest, files, module, BATCH);
    const parts: Float32Array[] = [];
    for (const batch of inBatches(images, BATCH)) {
      progress(parts.length * BATCH, images.images);
      const features = new Float32Array(batch.images * backbone.featuresDim);
      backbone.run(batch, features);
      parts.push(features);
    }
    const values = joined(parts);
    return { rows: images.images, columns: values.length / images.images, values };
  });
}

/** The network as a model directory for as long as `work` takes. */
async function withModel<Result>(
  network: QuantisedNetwork,
  work: (
    manifest: Manifest,
    files: ReturnType<typeof diskFiles>,
    module: WebAssembly.Module,
  ) => Promise<Result>,
): Promise<Result> {
  await using folder = await temporaryFolder();
  const written = await writeWeights(folder.path, network);
  const none = {
    trained: false,
    labels: [],
    floatGraphs: [],
    calibration: {},
    fidelity: {},
    provenance: {},
  };
  const manifest = describeModel(network, written, { ...none, name: 'candidate', licence: 'none' });
  return await work(manifest, diskFiles(folder.path), new WebAssembly.Module(await readFile(KERNEL)));
}

function headBytes({ tensors, shards }: Manifest): number {
  return Object.values(tensors)
    .filter(({ shard }) => shards[shard]?.part === 'head')
    .reduce((sum, { bytes }) => sum + bytes, 0);
}

function valuesOf(outputs: TapOutputs, tap: Tap): Float32Array {
  const values = outputs[tap];
  if (values === undefined) throw new TypeError(`The head gave no ${tap}.`);
  return values;
}
