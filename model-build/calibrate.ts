// Chooses the levels of every activation: histograms of the float network's activations give candidate
// ranges, and a simulation of the quantised network on other images says which is best.

import type { ImageBatch } from '../core/ports.ts';
import { activationNames } from './activations.ts';
import { cosineFigures, meanDivergence } from './fidelity.ts';
import type { NetworkLevels } from './float-graph.ts';
import { type FloatRunner, openFloatRunner } from './float-runner.ts';
import { Histogram } from './histogram.ts';
import { inBatches } from './image-sets.ts';
import type { FloatNetwork } from './network.ts';
import { dequantise, quantiseNetwork } from './quantise.ts';
import {
  byteLevels,
  chooseRange,
  pixelLevels,
  RANGE_METHODS,
  type RangeMethod,
  wideLevels,
} from './ranges.ts';

/** One in so many calibration images is kept from the histograms and used to choose by. */
const CHOOSE_BY_EVERY = 4;

export interface Candidate {
  readonly method: RangeMethod;
  /** Mean divergence of the scores' probabilities from the float network's, nats. */
  readonly divergence: number;
  /** Mean cosine of `features` with the float network's. */
  readonly featuresCosine: number;
}

export interface Calibration {
  readonly levels: NetworkLevels;
  readonly method: RangeMethod;
  readonly candidates: readonly Candidate[];
}

export interface CalibrateOptions {
  /** Choose by the scores; else, for untrained weights whose scores mean nothing, by `features`. */
  readonly byScores: boolean;
  readonly progress: (stage: string, done: number, total: number) => void;
}

export async function calibrate(
  network: FloatNetwork,
  images: ImageBatch,
  { byScores, progress }: CalibrateOptions,
): Promise<Calibration> {
  const { measured, chosenBy } = splitImages(images);
  const reference = await openFloatRunner(network, { expose: true });
  let histograms: ReadonlyMap<string, Histogram>;
  let expected: Outputs;
  try {
    histograms = await collect(reference, network, measured, progress);
    expected = await outputs(reference, chosenBy);
  } finally {
    await reference.close();
  }
  const simulated = await openFloatRunner(dequantise(quantiseNetwork(network, levelsOf('min-max'))), {
    simulate: true,
  });
  const candidates: Candidate[] = [];
  try {
    for (const method of RANGE_METHODS) {
      progress('choosing ranges', candidates.length, RANGE_METHODS.length);
      const found = await outputs(simulated, chosenBy, levelsOf(method));
      candidates.push({
        method,
        divergence: meanDivergence(expected.scores, found.scores, chosenBy.images),
        featuresCosine: cosineFigures(expected.features, found.features, chosenBy.images).mean,
      });
    }
  } finally {
    await simulated.close();
  }
  progress('choosing ranges', RANGE_METHODS.length, RANGE_METHODS.length);
  const loss = (candidate: Candidate) => (byScores ? candidate.divergence : -candidate.featuresCosine);
  const best = candidates.reduce((least, candidate) => (loss(candidate) < loss(least) ? candidate : least));
  return { levels: levelsOf(best.method), method: best.method, candidates };

  function levelsOf(method: RangeMethod): NetworkLevels {
    const names = activationNames(network);
    const histogram = (name: string) => histograms.get(name) ?? new Histogram();
    const range = (name: string) => chooseRange(histogram(name), method);
    const fullRange = (name: string) => chooseRange(histogram(name), 'min-max');
    return {
      pixels: pixelLevels(network.input),
      convolutions: names.convolutions.map((name) => byteLevels(range(name))),
      linears: names.linears.map((name, index) => {
        const shape = network.linears[index]?.shape;
        // Where levels abound, clipping would cost and save nothing.
        return shape?.name.endsWith('.up')
          ? wideLevels(fullRange(name), shape.inputs)
          : byteLevels(range(name));
      }),
    };
  }
}

/** Both parts have images unless there is only one, which then serves for both. */
function splitImages(images: ImageBatch): { measured: ImageBatch; chosenBy: ImageBatch } {
  const every = [...inBatches(images, 1)];
  const chosenBy = every.filter((_, index) => index % CHOOSE_BY_EVERY === CHOOSE_BY_EVERY - 1);
  const measured = every.filter((_, index) => index % CHOOSE_BY_EVERY !== CHOOSE_BY_EVERY - 1);
  return {
    measured: concatenate(measured),
    chosenBy: concatenate(chosenBy.length > 0 ? chosenBy : measured),
  };
}

function concatenate(batches: readonly ImageBatch[]): ImageBatch {
  const size = batches[0]?.size ?? 0;
  const data = new Uint8Array(batches.length * size * size * 3);
  batches.forEach((batch, index) => {
    data.set(batch.data, index * size * size * 3);
  });
  return { images: batches.length, size, data };
}

async function collect(
  reference: FloatRunner,
  network: FloatNetwork,
  images: ImageBatch,
  progress: CalibrateOptions['progress'],
): Promise<ReadonlyMap<string, Histogram>> {
  const names = activationNames(network);
  const histograms = new Map(
    [...names.convolutions, ...names.linears].map((name) => [name, new Histogram()]),
  );
  let done = 0;
  for (const batch of inBatches(images)) {
    progress('measuring activations', done, images.images);
    const values = await reference.run(batch, [...histograms.keys()]);
    for (const [name, histogram] of histograms) histogram.add(values.get(name) ?? new Float32Array());
    done += batch.images;
  }
  progress('measuring activations', done, images.images);
  return histograms;
}

interface Outputs {
  readonly features: Float32Array;
  readonly scores: Float32Array;
}

async function outputs(runner: FloatRunner, images: ImageBatch, levels?: NetworkLevels): Promise<Outputs> {
  const features: Float32Array[] = [];
  const scores: Float32Array[] = [];
  for (const batch of inBatches(images)) {
    const values = await runner.run(batch, ['features', 'scores'], levels);
    features.push(values.get('features') ?? new Float32Array());
    scores.push(values.get('scores') ?? new Float32Array());
  }
  return { features: joined(features), scores: joined(scores) };
}

/** One array after another. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
