// Runs the float network over the calibration images and keeps a histogram of every activation that the
// quantised network rounds.

import type { ImageBatch } from '../core/ports.ts';
import { activationNames } from './activations.ts';
import type { FloatRunner } from './float-runner.ts';
import { Histogram } from './histogram.ts';
import { inBatches } from './image-sets.ts';
import type { FloatNetwork } from './network.ts';
import type { Observed } from './ranges.ts';

/** `reference` exposes its layers. By name of activations.ts. */
export async function measureActivations(
  reference: FloatRunner,
  network: FloatNetwork,
  images: ImageBatch,
  progress: (done: number, total: number) => void,
): Promise<ReadonlyMap<string, Observed>> {
  const { convolutions, linears } = activationNames(network);
  const histograms = new Map([...convolutions, ...linears].map((name): [string, Histogram[]] => [name, []]));
  let done = 0;
  for (const batch of inBatches(images)) {
    progress(done, images.images);
    const values = await reference.run(batch, [...histograms.keys()]);
    for (const [name, perImage] of histograms) {
      const all = values.get(name) ?? new Float32Array();
      const width = all.length / batch.images;
      for (let image = 0; image < batch.images; image += 1) {
        const histogram = new Histogram();
        histogram.add(all.subarray(image * width, (image + 1) * width));
        perImage.push(histogram);
      }
    }
    done += batch.images;
  }
  progress(done, images.images);
  return new Map(
    [...histograms].map(([name, perImage]) => [name, { all: merged(perImage), images: perImage }]),
  );
}

function merged(histograms: readonly Histogram[]): Histogram {
  const all = new Histogram();
  for (const histogram of histograms) all.merge(histogram);
  return all;
}
