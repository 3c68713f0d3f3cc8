// Equalises the channels of each activation before it is quantised: one scale serves all channels of a layer,
// so a few loud channels would leave the quiet ones a handful of levels. ReLU and max-pool commute with a
// positive factor, so a channel divided by s in one layer and multiplied by s in the next gives the same
// network (Nagel et al. 2019, arXiv:1906.04721; here by the activations' ranges instead of the weights').

import type { FloatConvolution, FloatNetwork } from './network.ts';

/** Largest value of each channel, per convolution but the last: [channels]. */
export type ChannelPeaks = readonly Float32Array[];

/**
 * In the first convolutions every channel is brought to the same peak. Later channels speak rarely, and their
 * peaks on a few hundred images say little: there only those louder than the median are turned down.
 */
const FULLY_EQUALISED = 4;

/** Quiet channels are not amplified by more than the median over this share of it. */
const SMALLEST_SHARE = 0.01;

/**
 * The same function of the pixels, up to float rounding, with channels of like peaks. The last convolution's
 * output, `features`, stays as it is.
 */
export function equalise(network: FloatNetwork, peaks: ChannelPeaks): FloatNetwork {
  const convolutions: FloatConvolution[] = [...network.convolutions];
  peaks.forEach((channels, index) => {
    const [layer, next] = [convolutions[index], convolutions[index + 1]];
    if (layer === undefined || next === undefined) return;
    const factors = channelFactors(channels, index < FULLY_EQUALISED ? SMALLEST_SHARE : 1);
    convolutions[index] = divideOutputs(layer, factors);
    convolutions[index + 1] = multiplyInputs(next, factors);
  });
  return { ...network, convolutions };
}

/** Peaks ÷ their geometric mean, those below `share` of the median raised to it. */
function channelFactors(peaks: Float32Array, share: number): Float64Array {
  const median = peaks.toSorted()[peaks.length >> 1] ?? 0;
  const smallest = median * share;
  // A layer that is silent in more than half of its channels has nothing to go by.
  if (smallest === 0) return new Float64Array(peaks.length).fill(1);
  const raised = Float64Array.from(peaks, (peak) => Math.max(peak, smallest));
  const mean = Math.exp(raised.reduce((sum, peak) => sum + Math.log(peak), 0) / raised.length);
  return raised.map((peak) => peak / mean);
}

function divideOutputs({ shape, weight, bias }: FloatConvolution, factors: Float64Array): FloatConvolution {
  const size = weight.length / factors.length;
  return {
    shape,
    weight: weight.map((value, index) => value / (factors[Math.floor(index / size)] ?? 1)),
    bias: bias.map((value, channel) => value / (factors[channel] ?? 1)),
  };
}

function multiplyInputs({ shape, weight, bias }: FloatConvolution, factors: Float64Array): FloatConvolution {
  const channels = factors.length;
  return {
    shape,
    weight: weight.map((value, index) => value * (factors[Math.floor(index / 9) % channels] ?? 1)),
    bias,
  };
}
