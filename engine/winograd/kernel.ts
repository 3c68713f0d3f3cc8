// The compiled kernel (assembly/, built to kernel.wasm) on a memory of the engine's making.

import { ModelError } from '../../core/errors.ts';

/** The kernel's own data lie below this address; plans start here. One page of WebAssembly memory. */
export const KERNEL_BYTES = 65_536;

/** Addresses are bytes in the memory; assembly/ describes the layouts. */
export interface Kernel {
  /** Pixels → the first layer's input. */
  readPixels(pixels: number, table: number, output: number, images: number, size: number): void;
  /** Runs the convolution of a descriptor (descriptor.ts). */
  convolve(descriptor: number): void;
  maxPool(input: number, output: number, images: number, size: number, channels: number): void;
  /** The last map → `features`, float32. */
  poolFeatures(
    map: number,
    output: number,
    images: number,
    size: number,
    channels: number,
    outputs: number,
    scale: number,
  ): void;
  arrangeWeights(weights: number, arranged: number, outputs: number, inputs: number, scratch: number): void;
  /** The largest of Σ w⁺ and Σ |w⁻| over `part` input channels of one output channel. */
  weightBound(weights: number, outputs: number, inputs: number, part: number): number;
  quantise(
    x: number,
    count: number,
    to: number,
    padded: number,
    scale: number,
    zeroPoint: number,
    lowest: number,
    highest: number,
  ): void;
  multiplyInt8(
    weights: number,
    x: number,
    y: number,
    images: number,
    rows: number,
    inputs: number,
    outputs: number,
    factor: number,
    bias: number,
    relu: number,
  ): void;
  /** Levels into the order of 4-bit weights. */
  arrangeLevels(x: number, to: number, offsets: number, inputs: number, group: number): void;
  multiplyInt4(
    weights: number,
    scales: number,
    x: number,
    offsets: number,
    y: number,
    images: number,
    rows: number,
    inputs: number,
    outputs: number,
    group: number,
    inputScale: number,
    bias: number,
    relu: number,
  ): void;
}

/** Starts the kernel on a memory of at least KERNEL_BYTES. Throws ModelError when it is no such kernel. */
export async function startKernel(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Kernel> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const functions: Record<string, unknown> = { ...exports };
  const find = (name: keyof Kernel) => {
    const found = functions[name];
    if (typeof found !== 'function') {
      throw new ModelError('engine_failed', `Expected a function ${name} in the kernel; build it again.`);
    }
    return (...values: number[]): number => {
      try {
        return Number(Reflect.apply(found, undefined, values));
      } catch (cause) {
        throw new ModelError('engine_failed', `The kernel's ${name} failed: ${String(cause)}`, { cause });
      }
    };
  };
  return {
    readPixels: find('readPixels'),
    convolve: find('convolve'),
    maxPool: find('maxPool'),
    poolFeatures: find('poolFeatures'),
    arrangeWeights: find('arrangeWeights'),
    weightBound: find('weightBound'),
    quantise: find('quantise'),
    multiplyInt8: find('multiplyInt8'),
    arrangeLevels: find('arrangeLevels'),
    multiplyInt4: find('multiplyInt4'),
  };
}
