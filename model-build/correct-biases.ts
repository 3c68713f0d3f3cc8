// Rounding shifts a channel's mean a little (small values become 0, weights lean one way); its bias takes the
// shift back (Nagel et al. 2019, arXiv:1906.04721, section 4.2, measured rather than derived).

import type { ImageBatch } from '../core/ports.ts';
import type { NetworkLevels } from './float-graph.ts';
import { openFloatRunner } from './float-runner.ts';
import { inBatches } from './image-sets.ts';
import type { FloatNetwork } from './network.ts';

/** The share of images left out at either end: freaks have no say. */
const TRIMMED = 0.1;

/**
 * The network `rounded` with biases moved so that, its activations rounded to `levels`, each convolution's
 * channels have the means they have in `float`. Layer after layer, for each sees the corrected ones before.
 */
export async function correctBiases(
  float: FloatNetwork,
  rounded: FloatNetwork,
  levels: NetworkLevels,
  images: ImageBatch,
  progress: (done: number, total: number) => void,
): Promise<FloatNetwork> {
  const expected = await channelMeans(float, images);
  let corrected = rounded;
  for (let index = 0; index < float.convolutions.length; index += 1) {
    progress(index, float.convolutions.length);
    const found = await channelMeans(corrected, images, levels);
    const target = expected[index] ?? new Float32Array();
    const means = found[index] ?? new Float32Array();
    const convolutions = corrected.convolutions.map((layer, at) =>
      at === index ? { ...layer, bias: moved(layer.bias, target, means) } : layer,
    );
    corrected = { ...corrected, convolutions };
  }
  progress(float.convolutions.length, float.convolutions.length);
  return corrected;
}

function moved(bias: Float32Array, target: Float32Array, means: Float32Array): Float32Array {
  const channels = bias.length;
  return bias.map((value, channel) => {
    const shifts = Float64Array.from(
      { length: target.length / channels },
      (_, image) => (target[image * channels + channel] ?? 0) - (means[image * channels + channel] ?? 0),
    ).sort();
    const cut = Math.floor(shifts.length * TRIMMED);
    const kept = shifts.subarray(cut, shifts.length - cut);
    return value + kept.reduce((sum, shift) => sum + shift, 0) / kept.length;
  });
}

/** Per convolution: [images, out] means of the sums before the ReLU. */
async function channelMeans(
  network: FloatNetwork,
  images: ImageBatch,
  levels?: NetworkLevels,
): Promise<Float32Array[]> {
  const names = network.convolutions.map(({ shape }) => `${shape.name}.mean`);
  const runner = await openFloatRunner(network, { expose: true, simulate: levels !== undefined });
  const means = network.convolutions.map(
    ({ shape }) => new Float32Array(images.images * shape.outputChannels),
  );
  try {
    let done = 0;
    for (const batch of inBatches(images)) {
      const values = await runner.run(batch, names, levels);
      names.forEach((name, index) => {
        const channels = network.convolutions[index]?.shape.outputChannels ?? 0;
        means[index]?.set(values.get(name) ?? [], done * channels);
      });
      done += batch.images;
    }
  } finally {
    await runner.close();
  }
  return means;
}
