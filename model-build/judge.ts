// How candidates are compared during calibration: the simulated network against the float one, on images
// that no histogram has seen.

import type { ImageBatch } from '../core/ports.ts';
import { cosineFigures, joined, meanDivergence } from './fidelity.ts';
import type { NetworkLevels } from './float-graph.ts';
import type { FloatRunner } from './float-runner.ts';
import { inBatches } from './image-sets.ts';
import type { FloatNetwork } from './network.ts';
import { type NetworkRanges, networkLevels } from './network-ranges.ts';

export interface Quality {
  /** Mean divergence of the scores' probabilities from the float network's, nats. */
  readonly divergence: number;
  /** Mean cosine of `features` with the float network's. */
  readonly featuresCosine: number;
}

export interface Judge {
  /** `runner` simulates. */
  measure(runner: FloatRunner, ranges: NetworkRanges): Promise<Quality>;
  /** Smaller is better. */
  loss(quality: Quality): number;
}

/**
 * `reference` runs the float network. Judged by `features`, and by the scores as well where they mean
 * something: those of untrained weights do not.
 */
export async function createJudge(
  network: FloatNetwork,
  reference: FloatRunner,
  images: ImageBatch,
  byScores: boolean,
): Promise<Judge> {
  const expected = await outputs(reference, images);
  return {
    async measure(runner, ranges) {
      const found = await outputs(runner, images, networkLevels(network, ranges));
      return {
        divergence: meanDivergence(expected.scores, found.scores, images.images),
        featuresCosine: cosineFigures(expected.features, found.features, images.images).mean,
      };
    },
    loss: ({ divergence, featuresCosine }) => 1 - featuresCosine + (byScores ? divergence : 0),
  };
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
