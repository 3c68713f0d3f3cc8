// Chooses the levels of every activation: histograms of the float network's activations give candidate
// ranges; a simulation of the quantised network on other images says which is best, whether rounding by
// kernels pays, and what each layer's range should rather be.

import type { ImageBatch } from '../core/ports.ts';
import type { NetworkLevels } from './float-graph.ts';
import { openFloatRunner } from './float-runner.ts';
import { splitImages } from './image-sets.ts';
import type { InputCorrelations } from './input-correlations.ts';
import { createJudge, type Judge, type Quality } from './judge.ts';
import { measureActivations } from './measure-activations.ts';
import { measureCorrelations } from './measure-correlations.ts';
import type { FloatNetwork } from './network.ts';
import { type NetworkRanges, networkLevels, rangesBy } from './network-ranges.ts';
import { dequantise, quantiseNetwork } from './quantise.ts';
import { type Observed, RANGE_METHODS, type RangeMethod } from './ranges.ts';
import { type Judged, refineRanges } from './refine-ranges.ts';

/** One thing that was tried. */
export interface Candidate extends Quality {
  readonly ranges: RangeMethod | 'refined';
  readonly rounding: 'nearest' | 'kernels';
}

export interface Calibration {
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
  readonly progress: (stage: string, done: number, total: number) => void;
}

export async function calibrate(
  network: FloatNetwork,
  images: ImageBatch,
  options: CalibrateOptions,
): Promise<Calibration> {
  const { measured, chosenBy } = splitImages(images);
  const { observed, correlations, judge } = await observe(network, measured, chosenBy, options);
  const candidates: Candidate[] = [];
  let best = await bestMethod(network, observed, judge, candidates, options.progress);

  const byKernels = await openFloatRunner(rounded(network, best.ranges, correlations), { simulate: true });
  let kernelsPay = false;
  try {
    const quality = await judge.measure(byKernels, best.ranges);
    candidates.push({ ranges: best.method, rounding: 'kernels', ...quality });
    kernelsPay = options.rounding === 'measured' && judge.loss(quality) < judge.loss(best.quality);
    if (kernelsPay) best = { ...best, quality };
  } finally {
    await byKernels.close();
  }
  const rounding = kernelsPay ? correlations : [];
  const taken: Candidate = {
    ranges: best.method,
    rounding: kernelsPay ? 'kernels' : 'nearest',
    ...best.quality,
  };
  if (!options.refine) {
    return { levels: networkLevels(network, best.ranges), correlations: rounding, candidates, taken };
  }
  const runner = await openFloatRunner(rounded(network, best.ranges, rounding), { simulate: true });
  try {
    const refined = await refineRanges(best, runner, judge, (done, total) =>
      options.progress('refining ranges', done, total),
    );
    const last: Candidate = { ...taken, ranges: 'refined', ...refined.quality };
    candidates.push(last);
    const levels = networkLevels(network, refined.ranges);
    return { levels, correlations: rounding, candidates, taken: last };
  } finally {
    await runner.close();
  }
}

async function observe(
  network: FloatNetwork,
  measured: ImageBatch,
  chosenBy: ImageBatch,
  { byScores, progress }: CalibrateOptions,
) {
  const reference = await openFloatRunner(network, { expose: true });
  const report = (stage: string) => (done: number, total: number) => progress(stage, done, total);
  try {
    return {
      observed: await measureActivations(reference, network, measured, report('measuring activations')),
      correlations: await measureCorrelations(reference, network, measured, report('measuring correlations')),
      judge: await createJudge(network, reference, chosenBy, byScores),
    };
  } finally {
    await reference.close();
  }
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
  const runner = await openFloatRunner(rounded(network, first, []), { simulate: true });
  try {
    const tried: Best[] = [];
    for (const { method, ranges } of byMethod) {
      progress('choosing ranges', tried.length, byMethod.length);
      const quality = await judge.measure(runner, ranges);
      tried.push({ method, ranges, quality });
      candidates.push({ ranges: method, rounding: 'nearest', ...quality });
    }
    progress('choosing ranges', tried.length, byMethod.length);
    return tried.reduce((best, next) => (judge.loss(next.quality) < judge.loss(best.quality) ? next : best));
  } finally {
    await runner.close();
  }
}

/** The float network of the rounded weights; their rounding does not depend on the ranges. */
function rounded(
  network: FloatNetwork,
  ranges: NetworkRanges,
  correlations: readonly InputCorrelations[],
): FloatNetwork {
  return dequantise(quantiseNetwork(network, networkLevels(network, ranges), correlations));
}
