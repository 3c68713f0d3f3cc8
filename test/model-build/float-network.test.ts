// The float graphs against PyTorch, layer by layer: scripts/goldens/network.py made the values.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ImageBatch } from '../../core/ports.ts';
import { TAPS } from '../../core/taps.ts';
import { activationNames } from '../../model-build/activations.ts';
import { openFloatRunner } from '../../model-build/float-runner.ts';
import { TORCHVISION_INPUT } from '../../model-build/network.ts';
import { openWeights } from '../../model-build/open-weights.ts';
import { readNetwork } from '../../model-build/read-network.ts';
import golden from '../golden/network.json' with { type: 'json' };

/** Largest error, relative to the layer's root mean square. */
const TOLERANCE = 1e-4;

interface LayerGolden {
  readonly shape: readonly number[];
  readonly mean: number;
  readonly rms: number;
  readonly samples: readonly number[];
}

describe.each(golden)('$weights at $size pixels', ({ weights, size, layers }) => {
  test('every layer is within 1e-4 of PyTorch', async () => {
    const file = await openWeights(join(import.meta.dirname, '../golden/weights', weights));
    const network = await readNetwork(file, { ...TORCHVISION_INPUT, crop: size });
    await file.close();
    const runner = await openFloatRunner(network, { expose: true });
    const convolutions = activationNames(network).convolutions;
    const values = await runner.run(pattern(size), [...convolutions, ...TAPS]);
    await runner.close();

    const expected = Object.entries<LayerGolden>(layers);
    const names = [...convolutions, ...TAPS];
    expect(expected.map(([name]) => name)).toEqual(names.map((name) => name.replace(/\..*/, '')));
    expected.forEach(([, layer], index) => {
      expectLayer(values.get(names[index] ?? '') ?? new Float32Array(), layer);
    });
  });
});

function expectLayer(found: Float32Array, { shape, mean, rms, samples }: LayerGolden): void {
  expect(found).toHaveLength(shape.reduce((product, side) => product * side, 1));
  const allowed = TOLERANCE * rms;
  const foundMean = found.reduce((sum, value) => sum + value, 0) / found.length;
  const foundRms = Math.sqrt(found.reduce((sum, value) => sum + value * value, 0) / found.length);
  expect(Math.abs(foundMean - mean)).toBeLessThan(allowed);
  expect(Math.abs(foundRms - rms)).toBeLessThan(allowed);
  samples.forEach((sample, index) => {
    const at = Math.floor((index * found.length) / samples.length);
    expect(Math.abs((found[at] ?? Number.NaN) - sample)).toBeLessThan(allowed);
  });
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
