// Chooses the levels of every activation: histograms of the float network's activations give candidate
// ranges; a simulation of the quantised network on other images says which is best, whether rounding by
// kernels pays, and what each layer's range should rather be.

import type { ImageBatch } from '../core/ports.ts';
import { equalise } from './equalise.ts';
import type { NetworkLevels } from './float-graph.ts';
import { withRunner } from './float-runner.ts';
import { splitImages } from './image-sets.ts';
import type { InputCorrelations } from './input-correlations.ts';
import { createJudge, type Judge, type Quality } from './judge.ts';
import { measureActivations } from './measure-activations.ts';
import type { FloatNetwork } from './network.ts';
import { type NetworkRanges, networkLevels, rangesBy } from './network-ranges.ts';
import { dequantise, quantiseNetwork } from './quantise.ts';
import { type Observed, RANGE_METHODS, type RangeMethod } from './ranges.ts';
import { type Judged, refineRanges } from './refine-ranges.ts';
import { survey } from './survey.ts';

/** One thing that was tried. */
export interface Candidate extends Quality {
  readonly ranges: RangeMethod | 'refined';
  readonly rounding: 'nearest' | 'kernels';
}

export interface Calibration {
  /** The network to quantise: the given one, its channels equalised. */
  readonly network: FloatNetwork;
  readonly levels: NetworkLevels;
  /** To round the kernels by (round-kernels.ts); none where they are rounded to the nearest levels. */
  readonly correlations: readonly InputCorrelations[];
  readonly candidates: readonly Candidate[];
  readonly taken: Candidate;
}

export interface CalibrateOptions {
  /** Choose by scores and `features`; else, for untrained weights whose scores mean nothing, by `features`. */
  readonly byScores: boolean;
  /** Tries ranges layer by layer after the best method for all is found; takes most of the time. */
  readonly refine: boolean;
  /** `measured` rounds kernels by their input's correlations where the photographs of the choice favour it. */
  readonly rounding: 'nearest' | 'measured';
  /** Brings channels to like peaks first (equalise.ts). */
  readonly equalise: boolean;
  readonly progress: (stage: string, done: number, total: number) => void;
}

export async function calibrate(
  float: FloatNetwork,
  images: ImageBatch,
  options: CalibrateOptions,
): Promise<Calibration> {
  const { progress } = options;
  const { measured, chosenBy } = splitImages(images);
  const report = (stage: string) => (done: number, total: number) => progress(stage, done, total);
  const byKernels = options.rounding === 'measured';
  const { peaks, correlations } =
    options.equalise || byKernels
      ? await withRunner(float, { expose: true }, (reference) =>
          survey(reference, float, measured, report('surveying activations')),
        )
      : { peaks: [], correlations: [] };
  const network = options.equalise ? equalise(float, peaks) : float;
  const { observed, judge } = await withRunner(network, { expose: true }, async (reference) => ({
    observed: await measureActivations(reference, network, measured, report('measuring activations')),
    judge: await createJudge(network, reference, chosenBy, options.byScores),
  }));

  const candidates: Candidate[] = [];
  let best = await bestMethod(network, observed, judge, candidates, progress);
  let rounding: readonly InputCorrelations[] = [];
  let taken: Candidate = { ranges: best.method, rounding: 'nearest', ...best.quality };
  if (byKernels) {
    const quality = await withRunner(
      rounded(network, best.ranges, correlations),
      { simulate: true },
      (runner) => judge.measure(runner, best.ranges),
    );
    const candidate: Candidate = { ranges: best.method, rounding: 'kernels', ...quality };
    candidates.push(candidate);
    if (judge.loss(quality) < judge.loss(best.quality)) {
      best = { ...best, quality };
      rounding = correlations;
      taken = candidate;
    }
  }
  let ranges = best.ranges;
  if (options.refine) {
    const start = rounded(network, ranges, rounding);
    const refined = await withRunner(start, { simulate: true }, (runner) =>
      refineRanges(network, best, runner, judge, report('refining ranges')),
    );
    ranges = refined.ranges;
    taken = { ...taken, ranges: 'refined', ...refined.quality };
    candidates.push(taken);
  }
  const levels = networkLevels(network, ranges);
  return { network, levels, correlations: rounding, candidates, taken };
}

interface Best extends Judged {
  readonly method: RangeMethod;
}

async function bestMethod(
  network: FloatNetwork,
  observed: ReadonlyMap<string, Observed>,
  judge: Judge,
  candidates: Candidate[],
  progress: CalibrateOptions['progress'],
): Promise<Best> {
  const byMethod = RANGE_METHODS.map((method) => ({ method, ranges: rangesBy(method, network, observed) }));
  const first = byMethod[0]?.ranges ?? { convolutions: [], linears: [] };
  const start = rounded(network, first, []);
  return await withRunner(start, { simulate: true }, async (runner) => {
    const tried: Best[] = [];
    for (const { method, ranges } of byMethod) {
      progress('choosing ranges', tried.length, byMethod.length);
      const quality = await judge.measure(runner, ranges);
      tried.push({ method, ranges, quality });
      candidates.push({ ranges: method, rounding: 'nearest', ...quality });
    }
    progress('choosing ranges', tried.length, byMethod.length);
    return tried.reduce((best, next) => (judge.loss(next.quality) < judge.loss(best.quality) ? next : best));
  });
}

/** The float network of the rounded weights; their rounding does not depend on the ranges. */
function rounded(
  network: FloatNetwork,
  ranges: NetworkRanges,
  correlations: readonly InputCorrelations[],
): FloatNetwork {
  return dequantise(quantiseNetwork(network, networkLevels(network, ranges), correlations));
}
