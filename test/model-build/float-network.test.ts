// The float graphs against PyTorch, layer by layer: scripts/goldens/network.py made the values.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TORCHVISION_INPUT } from '../../model-build/network.ts';
import { openWeights } from '../../model-build/open-weights.ts';
import { readNetwork } from '../../model-build/read-network.ts';
import golden from '../golden/network.json' with { type: 'json' };
import { layerErrors } from './layer-errors.ts';

/** Relative to the layer's root mean square. */
const TOLERANCE = 1e-4;

describe.each(golden)('$weights at $size pixels', ({ weights, size, layers }) => {
  test('every layer is within 1e-4 of PyTorch', async () => {
    const file = await openWeights(join(import.meta.dirname, '../golden/weights', weights));
    const network = await readNetwork(file, { ...TORCHVISION_INPUT, crop: size });
    await file.close();
    const errors = await layerErrors(network, layers);
    expect(errors.map(({ layer }) => layer)).toEqual(Object.keys(layers));
    for (const { error } of errors) expect(error).toBeLessThan(TOLERANCE);
  });
});
