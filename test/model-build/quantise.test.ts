import { describe, expect, test } from 'vitest';
import { InputCorrelations } from '../../model-build/input-correlations.ts';
import { dequantise, quantiseConvolution, quantiseNetwork } from '../../model-build/quantise.ts';
import { byteLevels } from '../../model-build/ranges.ts';
import { roundKernels } from '../../model-build/round-kernels.ts';
import { smallNetwork } from './networks.ts';

const LEVELS = byteLevels({ low: 0, high: 4 });

describe('a network quantised and back', () => {
  const network = smallNetwork({ rank: 3 });
  const levels = {
    pixels: byteLevels({ low: -2, high: 3 }),
    convolutions: network.convolutions.map(() => LEVELS),
    linears: network.linears.map(() => LEVELS),
  };
  const quantised = quantiseNetwork(network, levels);
  const back = dequantise(quantised);

  test('every weight is within half a step, and −128 is never used', () => {
    const layers = [...network.convolutions, ...network.linears];
    const rounded = [...quantised.convolutions, ...quantised.linears];
    const restored = [...back.convolutions, ...back.linears];
    layers.forEach(({ weight }, index) => {
      const scale = rounded[index]?.scale ?? new Float32Array();
      const columns = weight.length / scale.length;
      weight.forEach((value, at) => {
        const step = scale[Math.floor(at / columns)] ?? 0;
        expect(Math.abs(value - (restored[index]?.weight[at] ?? 0))).toBeLessThanOrEqual(step * 0.5001);
      });
      expect(rounded[index]?.weight.every((level) => level >= -127)).toBe(true);
    });
  });

  test('each layer takes what the one before gives', () => {
    expect(quantised.convolutions[0]?.input).toEqual(levels.pixels);
    expect(quantised.convolutions[1]?.input).toEqual(quantised.convolutions[0]?.output);
  });
});

test('a channel without weights keeps its bias inside int32', () => {
  const [first] = smallNetwork().convolutions;
  if (first === undefined) throw new Error('no convolution');
  const dead = { ...first, weight: first.weight.map(() => 1e-30), bias: first.bias.map(() => 5) };
  const { bias, scale, input } = quantiseConvolution(dead, LEVELS, LEVELS);
  bias.forEach((value, row) => {
    expect(Math.abs(value)).toBeLessThanOrEqual(2 ** 30 * 1.000001);
    expect(value * input.scale * (scale[row] ?? 0)).toBeCloseTo(5, 5);
  });
});

describe('rounding by kernels', () => {
  const kernels = Float32Array.from({ length: 5 * 2 * 9 }, (_, index) => 20 * Math.sin(index * 1.7));
  const scale = new Float32Array(5).fill(1);

  /** Σ over the pixels of a smooth input of (Σ errors × pixels)². */
  function outputError(levels: Int8Array): number {
    let sum = 0;
    for (let kernel = 0; kernel < levels.length / 9; kernel += 1) {
      let error = 0;
      for (let tap = 0; tap < 9; tap += 1) {
        error += (levels[kernel * 9 + tap] ?? 0) - (kernels[kernel * 9 + tap] ?? 0);
      }
      sum += error * error;
    }
    return sum;
  }

  test('for a flat input, the errors of a kernel cancel', () => {
    const flat = new InputCorrelations(2);
    flat.add(new Float32Array(2 * 64).fill(1), 8);
    const nearest = Int8Array.from(kernels, Math.round);
    const chosen = roundKernels(kernels, scale, 2, flat);
    expect(outputError(chosen)).toBeLessThan(outputError(nearest) / 4);
    chosen.forEach((level, index) => {
      expect(Math.abs(level - (kernels[index] ?? 0))).toBeLessThan(1);
    });
  });

  test('for white noise, nothing beats the nearest level', () => {
    const spike = new Float32Array(2 * 64);
    spike[20] = 1;
    spike[64 + 33] = 1;
    const noise = new InputCorrelations(2);
    noise.add(spike, 8);
    expect(roundKernels(kernels, scale, 2, noise)).toEqual(Int8Array.from(kernels, Math.round));
  });
});
