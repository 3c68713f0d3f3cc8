// Runs the float network over some calibration images and sums the correlations of each convolution's input.

import type { ImageBatch } from '../core/ports.ts';
import { activationNames } from './activations.ts';
import type { FloatRunner } from './float-runner.ts';
import { inBatches } from './image-sets.ts';
import { InputCorrelations } from './input-correlations.ts';
import type { FloatNetwork } from './network.ts';

/** Every n-th image is enough: a map has thousands of pixels. */
const EVERY = 8;

/** `reference` exposes its layers. One per convolution. */
export async function measureCorrelations(
  reference: FloatRunner,
  network: FloatNetwork,
  images: ImageBatch,
  progress: (done: number, total: number) => void,
): Promise<InputCorrelations[]> {
  const names = ['pixels.planes', ...activationNames(network).convolutions.slice(0, -1)];
  const correlations = network.convolutions.map(({ shape }) => new InputCorrelations(shape.inputChannels));
  let done = 0;
  for (const [index, image] of [...inBatches(images, 1)].entries()) {
    progress(done, images.images);
    done += 1;
    if (index % EVERY !== 0) continue;
    const values = await reference.run(image, names);
    names.forEach((name, layer) => {
      const side = network.convolutions[layer]?.shape.size ?? 1;
      correlations[layer]?.add(normalised(values.get(name) ?? new Float32Array()), side);
    });
  }
  progress(done, images.images);
  return correlations;
}

/** To unit energy, so that every image has the same say. */
function normalised(values: Float32Array): Float32Array {
  const energy = values.reduce((sum, value) => sum + value * value, 0);
  return energy === 0 ? values : values.map((value) => value / Math.sqrt(energy));
}
