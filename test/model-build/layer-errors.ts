// A float network against the summaries that scripts/goldens/network.py made of PyTorch's: for the test of the
// narrow family members, and for scripts/check-full.ts.

import type { ImageBatch } from '../../core/ports.ts';
import { TAPS } from '../../core/taps.ts';
import { activationNames } from '../../model-build/activations.ts';
import { openFloatRunner } from '../../model-build/float-runner.ts';
import type { FloatNetwork } from '../../model-build/network.ts';

/** Of one layer's output, convolutions after ReLU and pool. */
export interface LayerSummary {
  readonly shape: readonly number[];
  readonly mean: number;
  readonly rms: number;
  /** At equal distances. */
  readonly samples: readonly number[];
}

/** Per layer, in order: the largest error of mean, root mean square and samples ÷ root mean square. */
export async function layerErrors(
  network: FloatNetwork,
  expected: Readonly<Record<string, LayerSummary>>,
): Promise<{ layer: string; error: number }[]> {
  const names = [...activationNames(network).convolutions, ...TAPS];
  await using runner = await openFloatRunner(network, { expose: true });
  const values = await runner.run(pattern(network.input.crop), names);
  return names.map((name) => {
    const layer = name.replace(/\..*/, '');
    const summary = expected[layer];
    const found = values.get(name) ?? new Float32Array();
    return { layer, error: summary === undefined ? Number.NaN : relativeError(found, summary) };
  });
}

function relativeError(found: Float32Array, { shape, mean, rms, samples }: LayerSummary): number {
  if (found.length !== shape.reduce((product, side) => product * side, 1)) return Number.NaN;
  const foundMean = found.reduce((sum, value) => sum + value, 0) / found.length;
  const foundRms = Math.sqrt(found.reduce((sum, value) => sum + value * value, 0) / found.length);
  const errors = samples.map((sample, index) => {
    const at = Math.floor((index * found.length) / samples.length);
    return Math.abs((found[at] ?? Number.NaN) - sample);
  });
  return Math.max(Math.abs(foundMean - mean), Math.abs(foundRms - rms), ...errors) / rms;
}

/** The pixels of scripts/goldens/network.py. */
function pattern(size: number): ImageBatch {
  const data = Uint8Array.from({ length: size * size * 3 }, (_, index) => {
    const c = index % 3;
    const x = Math.floor(index / 3) % size;
    const y = Math.floor(index / (3 * size));
    return (7 * x * x + 3 * y * y + 5 * x * y + 85 * c) % 256;
  });
  return { images: 1, size, data };
}
