// One convolution of the kernel on its own, by an algorithm of the test's choice, and the same naively.

import { type Algorithm, LANES, PROPERTIES } from '../../engine/winograd/algorithm.ts';
import { DESCRIPTOR, describeConvolution, paddedSide, workspace } from '../../engine/winograd/descriptor.ts';
import { KERNEL_BYTES, startKernel } from '../../engine/winograd/kernel.ts';
import { createMemory, Layout, roundUp } from '../../engine/winograd/layout.ts';

export interface ConvolutionCase {
  readonly images: number;
  readonly size: number;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly pool: boolean;
  /** Levels, channels last: [images][size][size][inputChannels] */
  readonly input: Uint8Array;
  /** [outputChannels][inputChannels][3][3] */
  readonly weights: Int8Array;
  readonly bias: Int32Array;
  readonly scale: Float32Array;
}

/** Levels, channels last: [images][pooled size][pooled size][outputChannels]. */
export async function convolveByKernel(
  module: WebAssembly.Module,
  algorithm: Algorithm,
  part: number,
  given: ConvolutionCase,
): Promise<Uint8Array> {
  const { images, size } = given;
  const inputChannels = roundUp(given.inputChannels, LANES);
  const outputChannels = roundUp(given.outputChannels, LANES);
  const side = paddedSide(size);
  const pooled = size >> Number(given.pool);
  const pooledSide = paddedSide(pooled);
  const room = workspace(algorithm, size, images, inputChannels);
  const raw = given.weights.length;
  const arranged = outputChannels * inputChannels * 9;
  const layout = new Layout(KERNEL_BYTES);
  const input = layout.take(images * side * side * inputChannels);
  const output = layout.take(images * pooledSide * pooledSide * outputChannels);
  const weights = layout.take(arranged);
  const bias = layout.take(outputChannels * 4);
  const scale = layout.take(outputChannels * 4);
  const descriptor = layout.take(DESCRIPTOR.length * 4);
  const rows = layout.take(room.rows);
  const panel = layout.take(room.panel);
  // More parts than any weights would need, for tests of the parts themselves.
  const parts = Math.ceil(inputChannels / part);
  const sums = layout.take(room.sums * parts);
  const guard = layout.take(1);
  const memory = createMemory(layout.end);
  const kernel = await startKernel(module, memory);

  const bytes = new Uint8Array(memory.buffer);
  // What lies around a map must not matter, nor what was in the room before.
  bytes.fill(0xa5, rows, guard + 1);
  bytes.fill(0x5a, output, weights);
  forEachPixel(given, (image, y, x, from) => {
    const pixel = ((image * side + y + 1) * side + x + 1) * inputChannels;
    bytes.set(given.input.subarray(from, from + given.inputChannels), input + pixel);
  });
  new Int8Array(memory.buffer).set(given.weights, weights + arranged - raw);
  new Int32Array(memory.buffer, bias).set(given.bias);
  new Float32Array(memory.buffer, scale).set(given.scale);
  kernel.arrangeWeights(weights + arranged - raw, weights, given.outputChannels, given.inputChannels, panel);
  const levels = { scale: 1, zeroPoint: 0 };
  const pools = Number(given.pool);
  const layer = { name: 'conv', inputChannels, outputChannels, size, pools, input: levels, output: levels };
  const planned = {
    ...{ layer, algorithm, inputChannels, outputChannels },
    ...{ input, output, weights, bias, scale },
  };
  const fields = describeConvolution({ rows, panel, sums }, planned, part, images);
  const words = new Int32Array(memory.buffer, descriptor, DESCRIPTOR.length);
  words.set(DESCRIPTOR.map((field) => fields[field]));
  kernel.convolve(descriptor);
  if (bytes[guard] !== 0xa5) throw new Error('The kernel wrote past its room.');

  const result = new Uint8Array(images * pooled * pooled * given.outputChannels);
  forEachPixel({ images, size: pooled, inputChannels: given.outputChannels }, (image, y, x, to) => {
    const pixel = output + ((image * pooledSide + y + 1) * pooledSide + x + 1) * outputChannels;
    result.set(bytes.subarray(pixel, pixel + given.outputChannels), to);
  });
  return result;
}

/** The definition: nine taps, bias, scale, round half to even, clamp, maximum of 2 × 2. */
export function convolveNaively(given: ConvolutionCase): Uint8Array {
  const { images, size, inputChannels, outputChannels, input, weights, bias, scale } = given;
  const full = new Uint8Array(images * size * size * outputChannels);
  forEachPixel({ images, size, inputChannels: outputChannels }, (image, y, x, to) => {
    for (let channel = 0; channel < outputChannels; channel += 1) {
      let sum = bias[channel] ?? 0;
      for (let tap = 0; tap < 9; tap += 1) {
        const row = y + Math.floor(tap / 3) - 1;
        const column = x + (tap % 3) - 1;
        if (row < 0 || row >= size || column < 0 || column >= size) continue;
        const from = ((image * size + row) * size + column) * inputChannels;
        for (let from0 = 0; from0 < inputChannels; from0 += 1) {
          const weight = weights[(channel * inputChannels + from0) * 9 + tap] ?? 0;
          sum += (input[from + from0] ?? 0) * weight;
        }
      }
      full[to + channel] = requantise(sum, scale[channel] ?? 1);
    }
  });
  return given.pool ? poolNaively(full, images, size, outputChannels) : full;
}

function requantise(sum: number, scale: number): number {
  const real = Math.fround(Math.fround(sum) * scale);
  const floor = Math.floor(real);
  const rest = real - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0);
  return Math.min(Math.max(floor + Number(up), 0), 255);
}

function poolNaively(map: Uint8Array, images: number, size: number, channels: number): Uint8Array {
  const pooled = size >> 1;
  const result = new Uint8Array(images * pooled * pooled * channels);
  forEachPixel({ images, size: pooled, inputChannels: channels }, (image, y, x, to) => {
    for (let channel = 0; channel < channels; channel += 1) {
      const values = [0, 1, 2, 3].map((corner) => {
        const pixel = (image * size + 2 * y + (corner >> 1)) * size + 2 * x + (corner & 1);
        return map[pixel * channels + channel] ?? 0;
      });
      result[to + channel] = Math.max(...values);
    }
  });
  return result;
}

function forEachPixel(
  { images, size, inputChannels }: Pick<ConvolutionCase, 'images' | 'size' | 'inputChannels'>,
  visit: (image: number, y: number, x: number, offset: number) => void,
): void {
  for (let image = 0; image < images; image += 1) {
    for (let y = 0; y < size; y += 1) {
      for (let x = 0; x < size; x += 1) {
        visit(image, y, x, ((image * size + y) * size + x) * inputChannels);
      }
    }
  }
}

/** All channels in one sum. */
export function allChannels(algorithm: Algorithm, inputChannels: number): number {
  return PROPERTIES[algorithm].planes === 1 ? 2 ** 31 - 1 : roundUp(inputChannels, LANES);
}
