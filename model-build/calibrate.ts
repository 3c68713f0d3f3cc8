// Chooses the levels of every activation: histograms of the float network's activations give candidate
// ranges; a simulation of the quantised network on other images says which is best, then widens and
// narrows them layer by layer as long as that helps.

import { POOLED_SIDE } from '../core/family.ts';
import type { ImageBatch } from '../core/ports.ts';
import { activationNames } from './activations.ts';
import { cosineFigures, meanDivergence } from './fidelity.ts';
import type { NetworkLevels } from './float-graph.ts';
import { type FloatRunner, openFloatRunner } from './float-runner.ts';
import { inBatches } from './image-sets.ts';
import { measureActivations } from './measure-activations.ts';
import type { FloatNetwork } from './network.ts';
import { dequantise, quantiseNetwork } from './quantise.ts';
import {
  byteLevels,
  chooseRange,
  type Observed,
  pixelLevels,
  RANGE_METHODS,
  type Range,
  type RangeMethod,
  wideLevels,
} from './ranges.ts';

/** One in so many calibration images is kept from the histograms and used to choose by. */
const CHOOSE_BY_EVERY = 4;

/** What a layer's range is tried to be multiplied by. */
const REFINEMENTS = [0.7, 1.4];

/** The range of each activation, as activations.ts names them. */
interface NetworkRanges {
  readonly convolutions: readonly Range[];
  readonly linears: readonly Range[];
}

export interface Quality {
  /** Mean divergence of the scores' probabilities from the float network's, nats. */
  readonly divergence: number;
  /** Mean cosine of `features` with the float network's. */
  readonly featuresCosine: number;
}

export interface Candidate extends Quality {
  readonly method: RangeMethod | 'refined';
}

export interface Calibration {
  readonly levels: NetworkLevels;
  /** What was tried, in order; the last is what was taken. */
  readonly candidates: readonly Candidate[];
}

export interface CalibrateOptions {
  /** Choose by scores and `features`; else, for untrained weights whose scores mean nothing, by `features`. */
  readonly byScores: boolean;
  /** Tries ranges layer by layer after the best method for all is found; takes most of the time. */
  readonly refine: boolean;
  readonly progress: (stage: string, done: number, total: number) => void;
}

export async function calibrate(
  network: FloatNetwork,
  images: ImageBatch,
  { byScores, refine, progress }: CalibrateOptions,
): Promise<Calibration> {
  const { measured, chosenBy } = splitImages(images);
  const reference = await openFloatRunner(network, { expose: true });
  let observed: ReadonlyMap<string, Observed>;
  let expected: Outputs;
  try {
    observed = await measureActivations(reference, network, measured, (done, total) =>
      progress('measuring activations', done, total),
    );
    expected = await outputs(reference, chosenBy);
  } finally {
    await reference.close();
  }
  const byMethod = RANGE_METHODS.map((method) => ({ method, ranges: rangesBy(method, network, observed) }));
  const first = byMethod[0]?.ranges ?? { convolutions: [], linears: [] };
  const rounded = dequantise(quantiseNetwork(network, networkLevels(network, first)));
  const simulated = await openFloatRunner(rounded, { simulate: true });
  const measure = async (ranges: NetworkRanges): Promise<Quality> => {
    const found = await outputs(simulated, chosenBy, networkLevels(network, ranges));
    return {
      divergence: meanDivergence(expected.scores, found.scores, chosenBy.images),
      featuresCosine: cosineFigures(expected.features, found.features, chosenBy.images).mean,
    };
  };
  const loss = ({ divergence, featuresCosine }: Quality) => 1 - featuresCosine + (byScores ? divergence : 0);
  try {
    const tried: { method: RangeMethod; ranges: NetworkRanges; quality: Quality }[] = [];
    for (const candidate of byMethod) {
      progress('choosing ranges', tried.length, byMethod.length);
      tried.push({ ...candidate, quality: await measure(candidate.ranges) });
    }
    progress('choosing ranges', tried.length, byMethod.length);
    tried.sort((a, b) => loss(b.quality) - loss(a.quality));
    const candidates: Candidate[] = tried.map(({ method, quality }) => ({ method, ...quality }));
    const best = tried.at(-1);
    if (best === undefined || !refine) {
      return { levels: networkLevels(network, best?.ranges ?? first), candidates };
    }
    const refined = await refineRanges(best, measure, loss, progress);
    candidates.push({ method: 'refined', ...refined.quality });
    return { levels: networkLevels(network, refined.ranges), candidates };
  } finally {
    await simulated.close();
  }
}

export function rangesBy(
  method: RangeMethod,
  network: FloatNetwork,
  observed: ReadonlyMap<string, Observed>,
): NetworkRanges {
  const names = activationNames(network);
  const range = (name: string, by: RangeMethod): Range => {
    const values = observed.get(name);
    return values === undefined ? { low: 0, high: 0 } : chooseRange(values, by);
  };
  return {
    convolutions: names.convolutions.map((name) => range(name, method)),
    // Where levels abound, clipping would cost and save nothing.
    linears: names.linears.map((name, index) => range(name, isWide(index) ? 'min-max' : method)),
  };
}

/**
 * Every linear layer but the first gets more than 256 levels: their rounding costs most (that of a factorised
 * layer's second factor above all), and our kernel multiplies 16-bit levels anyway. The first one's input has
 * the backbone's levels.
 */
function isWide(index: number): boolean {
  return index > 0;
}

export function networkLevels(
  network: FloatNetwork,
  { convolutions, linears }: NetworkRanges,
): NetworkLevels {
  const outputs = convolutions.map(byteLevels);
  const last = network.convolutions.at(-1)?.shape;
  const unpooled = last !== undefined && Math.floor(last.size / 2 ** last.pools) === POOLED_SIDE;
  return {
    pixels: pixelLevels(network.input),
    convolutions: outputs,
    linears: linears.map((range, index) => {
      // Without an adaptive pool between them, the classifier's input has the backbone's levels already.
      const features = outputs.at(-1);
      if (index === 0 && unpooled && features !== undefined) return features;
      const inputs = network.linears[index]?.shape.inputs ?? 1;
      return isWide(index) ? wideLevels(range, inputs) : byteLevels(range);
    }),
  };
}

/** One round over all activations from the last to the first; a change stays when the loss falls. */
async function refineRanges(
  start: { readonly ranges: NetworkRanges; readonly quality: Quality },
  measure: (ranges: NetworkRanges) => Promise<Quality>,
  loss: (quality: Quality) => number,
  progress: CalibrateOptions['progress'],
): Promise<{ ranges: NetworkRanges; quality: Quality }> {
  let best = { ranges: start.ranges, quality: start.quality };
  const places = [
    ...start.ranges.linears.map((_, index) => ({ part: 'linears' as const, index })),
    ...start.ranges.convolutions.map((_, index) => ({ part: 'convolutions' as const, index })),
  ].reverse();
  for (const [done, { part, index }] of places.entries()) {
    progress('refining ranges', done, places.length);
    for (const factor of REFINEMENTS) {
      // The same way again as long as it helps.
      for (let better = true; better; ) {
        const scaled = best.ranges[part].map((range, at) =>
          at === index ? { low: range.low * factor, high: range.high * factor } : range,
        );
        const ranges = { ...best.ranges, [part]: scaled };
        const quality = await measure(ranges);
        better = loss(quality) < loss(best.quality);
        if (better) best = { ranges, quality };
      }
    }
  }
  progress('refining ranges', places.length, places.length);
  return best;
}

/** Both parts have images; a single one serves for both. */
function splitImages(images: ImageBatch): { measured: ImageBatch; chosenBy: ImageBatch } {
  const every = [...inBatches(images, 1)];
  const isChosenBy = (index: number) => index % CHOOSE_BY_EVERY === CHOOSE_BY_EVERY - 1;
  const measured = every.filter((_, index) => !isChosenBy(index));
  const chosenBy = every.filter((_, index) => isChosenBy(index));
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
