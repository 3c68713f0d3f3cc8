// The first pass over the calibration images: what equalise.ts and round-kernels.ts need to know of the float
// network, before the histograms of the equalised one are taken.

import type { ImageBatch } from '../core/ports.ts';
import { activationNames } from './activations.ts';
import type { ChannelPeaks } from './equalise.ts';
import type { FloatRunner, Outputs } from './float-runner.ts';
import { inBatches } from './image-sets.ts';
import { InputCorrelations } from './input-correlations.ts';
import type { FloatNetwork } from './network.ts';

/** Correlations of every n-th image are enough: a map has thousands of pixels. */
const CORRELATE_EVERY = 8;

/** The share of images that a channel's peak covers: freaks do not set it. */
const PEAK_SHARE = 0.99;

export interface Survey {
  /** Per convolution but the last. */
  readonly peaks: ChannelPeaks;
  /** Per convolution, of its input. */
  readonly correlations: readonly InputCorrelations[];
}

/** `reference` exposes its layers. */
export async function survey(
  reference: FloatRunner,
  network: FloatNetwork,
  images: ImageBatch,
  progress: (done: number, total: number) => void,
): Promise<Survey> {
  const { convolutions } = network;
  const outputs = activationNames(network).convolutions.slice(0, -1);
  const inputs = ['pixels.planes', ...outputs];
  const peaks = convolutions.slice(0, -1).map(({ shape }): number[][] => {
    return Array.from({ length: shape.outputChannels }, () => []);
  });
  const correlations = convolutions.map(({ shape }) => new InputCorrelations(shape.inputChannels));
  let done = 0;
  for (const image of inBatches(images, 1)) {
    progress(done, images.images);
    const correlated = done % CORRELATE_EVERY === 0;
    const values = await reference.run(image, correlated ? inputs : outputs);
    outputs.forEach((name, layer) => {
      addPeaks(peaks[layer] ?? [], values.get(name) ?? new Float32Array());
    });
    if (correlated) correlate(correlations, network, inputs, values);
    done += 1;
  }
  progress(done, images.images);
  return { peaks: peaks.map((channels) => Float32Array.from(channels, highest)), correlations };
}

/** Adds the largest value of each channel of one image's map, [channels, side, side]. */
function addPeaks(peaks: readonly number[][], map: Float32Array): void {
  const area = map.length / peaks.length;
  peaks.forEach((ofChannel, channel) => {
    let largest = 0;
    for (let at = channel * area; at < (channel + 1) * area; at += 1)
      largest = Math.max(largest, map[at] ?? 0);
    ofChannel.push(largest);
  });
}

function highest(peaks: readonly number[]): number {
  return peaks.toSorted((a, b) => a - b)[Math.floor((peaks.length - 1) * PEAK_SHARE)] ?? 0;
}

function correlate(
  correlations: readonly InputCorrelations[],
  network: FloatNetwork,
  inputs: readonly string[],
  values: Outputs,
): void {
  inputs.forEach((name, layer) => {
    const side = network.convolutions[layer]?.shape.size ?? 1;
    correlations[layer]?.add(unitEnergy(values.get(name) ?? new Float32Array()), side);
  });
}

/** So that every image has the same say. */
function unitEnergy(values: Float32Array): Float32Array {
  const energy = values.reduce((sum, value) => sum + value * value, 0);
  return energy === 0 ? values : values.map((value) => value / Math.sqrt(energy));
}
