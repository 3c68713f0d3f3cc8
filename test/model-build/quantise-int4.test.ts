// 4-bit weights of a small network: packed and back, and nearer to the float layer's outputs than each weight
// rounded for itself, on inputs that the rounding has not seen.

import { describe, expect, test } from 'vitest';
import { INT4_GROUPS } from '../../core/manifest.ts';
import { noFeedback, prepareFeedback } from '../../model-build/error-feedback.ts';
import { openFloatRunner } from '../../model-build/float-runner.ts';
import { packInt4, unpackInt4 } from '../../model-build/int4-weights.ts';
import { layerValues, withMirrored } from '../../model-build/layer-values.ts';
import { type Matrix, openMatrixProducts } from '../../model-build/matrix-product.ts';
import type { FloatLinear, FloatNetwork, Int4Linear } from '../../model-build/network.ts';
import { quantiseInt4 } from '../../model-build/quantise-int4.ts';
import { byteLevels } from '../../model-build/ranges.ts';
import { syntheticImages } from '../../model-build/synthetic-images.ts';
import { smallNetwork } from './networks.ts';

const LEVELS = byteLevels({ low: 0, high: 4 });
const CROP = 56;

async function featuresOf(network: FloatNetwork, images: number, seed: number): Promise<Matrix> {
  await using runner = await openFloatRunner(network);
  const values = (await runner.run(syntheticImages(images, CROP, seed), ['features'])).get('features');
  if (values === undefined) throw new Error('no features');
  return { rows: images, columns: values.length / images, values };
}

/** ‖outputs of the 4-bit layer − of the float one‖ ÷ ‖of the float one‖, before bias and ReLU. */
function outputError({ shape, weight }: FloatLinear, packed: Int4Linear, { rows, values }: Matrix): number {
  const real = unpackInt4(packed);
  let [errors, squares] = [0, 0];
  for (let sample = 0; sample < rows; sample += 1) {
    for (let output = 0; output < shape.outputs; output += 1) {
      let [exact, found] = [0, 0];
      for (let input = 0; input < shape.inputs; input += 1) {
        const value = values[sample * shape.inputs + input] ?? 0;
        exact += value * (weight[output * shape.inputs + input] ?? 0);
        found += value * (real[output * shape.inputs + input] ?? 0);
      }
      errors += (found - exact) ** 2;
      squares += exact ** 2;
    }
  }
  return Math.sqrt(errors / squares);
}

describe.each(INT4_GROUPS)('in groups of %i', (group) => {
  const network = smallNetwork({ crop: CROP });

  test.each([0, 1, 2])('linear layer %i: less output error than the nearest levels', async (index) => {
    await using products = await openMatrixProducts();
    const linear = network.linears[index];
    const seen = (
      await layerValues(network.linears, withMirrored(await featuresOf(network, 48, 1)), products)
    )[index];
    const unseen = (await layerValues(network.linears, await featuresOf(network, 24, 2), products))[index];
    if (linear === undefined || seen === undefined || unseen === undefined) throw new Error(`layer ${index}`);
    const feedback = await prepareFeedback(seen, products);
    const chosen = await quantiseInt4(linear, LEVELS, group, feedback, products);
    const nearest = await quantiseInt4(linear, LEVELS, group, noFeedback(linear.shape.inputs), products);
    const error = (packed: Int4Linear) => outputError(linear, packed, unseen);
    expect(error(chosen)).toBeLessThan(0.9 * error(nearest));
    // What the outputs gain, the weights pay.
    const distance = (packed: Int4Linear) =>
      Math.hypot(...unpackInt4(packed).map((value, at) => value - (linear.weight[at] ?? 0)));
    expect(distance(chosen)).toBeGreaterThan(distance(nearest));
  });

  test.each([
    ['a whole number of groups', 256],
    ['padding', 45],
    ['an odd row', 33],
  ])('packed and back: %s', (_, inputs) => {
    const rows = 3;
    const levels = Int8Array.from({ length: rows * inputs }, (_value, at) => ((at * 7) % 16) - 8);
    const groups = Math.ceil(inputs / group);
    const scale = Float32Array.from({ length: rows * groups }, (_value, at) => (at % 2 === 0 ? 1 : -0.5));
    const weight = packInt4(levels, rows, group);
    expect(weight).toHaveLength((rows * groups * group) / 2);
    const shape = { name: 'fc6', inputs, outputs: rows, bias: false, relu: false };
    const layer: Int4Linear = { format: 'int4', shape, group, weight, scale, bias: null, input: LEVELS };
    expect([...unpackInt4(layer)]).toEqual(
      Array.from(levels, (level, at) => {
        const row = Math.floor(at / inputs);
        return level * (scale[row * groups + Math.floor((at % inputs) / group)] ?? 0);
      }),
    );
  });
});

test('rows of zeros, and inputs that no sample uses', async () => {
  await using products = await openMatrixProducts();
  const shape = { name: 'fc6', inputs: 130, outputs: 2, bias: false, relu: false };
  const weight = Float32Array.from({ length: 260 }, (_, at) => (at < 130 ? 0 : Math.sin(at)));
  const samples = {
    rows: 3,
    columns: 130,
    values: Float32Array.from({ length: 390 }, (_, at) => Number(at % 130 < 5)),
  };
  const feedback = await prepareFeedback(samples, products);
  const layer = await quantiseInt4({ shape, weight, bias: null }, LEVELS, 64, feedback, products);
  const real = unpackInt4(layer);
  expect(real.every(Number.isFinite)).toBe(true);
  expect(real.subarray(0, 130).every((value) => value === 0)).toBe(true);
  real.subarray(130).forEach((value, at) => {
    expect(Math.abs(value - (weight[130 + at] ?? 0))).toBeLessThan(0.4);
  });
});
