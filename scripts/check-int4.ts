// `npm run check:int4 -- WEIGHTS PHOTOS [ROWS]`: what rounding 4-bit weights by their outputs gains on trained
// weights. The first rows of a full-size fc6, each weight to its nearest level and by error feedback; the error of
// their outputs on photographs that the feedback has not seen.

import { table } from '../bench/measure.ts';
import { INT4_GROUPS } from '../core/manifest.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { noFeedback, prepareFeedback } from '../model-build/error-feedback.ts';
import { joined } from '../model-build/fidelity.ts';
import { withRunner } from '../model-build/float-runner.ts';
import { inBatches, photoSets } from '../model-build/image-sets.ts';
import { unpackInt4 } from '../model-build/int4-weights.ts';
import { withMirrored } from '../model-build/layer-values.ts';
import { type Matrix, openMatrixProducts } from '../model-build/matrix-product.ts';
import { multiplyOut } from '../model-build/multiply-out.ts';
import { type FloatLinear, TORCHVISION_INPUT } from '../model-build/network.ts';
import { openWeights } from '../model-build/open-weights.ts';
import { quantiseInt4 } from '../model-build/quantise-int4.ts';
import { byteLevels } from '../model-build/ranges.ts';
import { readNetwork } from '../model-build/read-network.ts';

const [weights, photos, rows = '512'] = process.argv.slice(2);
if (weights === undefined || photos === undefined) {
  console.error('Expected npm run check:int4 -- WEIGHTS PHOTOS [ROWS].');
  process.exit(2);
}
const images = await photoSets(photos, TORCHVISION_INPUT, {
  holdOutEvery: 2,
  decoder: await createNodeDecoder(),
  progress: () => {},
});
const file = await openWeights(weights);
const network = await readNetwork(file, TORCHVISION_INPUT);
await file.close();
const features = async (set: typeof images.calibration): Promise<Matrix> =>
  await withRunner(network, {}, async (runner) => {
    const parts: Float32Array[] = [];
    for (const batch of inBatches(set)) {
      parts.push((await runner.run(batch, ['features'])).get('features') ?? new Float32Array());
    }
    const values = joined(parts);
    return { rows: set.images, columns: values.length / set.images, values };
  });
const seen = withMirrored(await features(images.calibration));
const unseen = await features(images.heldOut);

await using products = await openMatrixProducts();
const [fc6] = (await multiplyOut(network, products)).linears;
if (fc6 === undefined) throw new Error('The network has no fc6.');
const layer = firstRows(fc6, Number(rows));
const exact = await products.multiplyTransposed(unseen, matrixOf(layer, layer.weight));
const nearest = noFeedback(layer.shape.inputs);
const feedback = await prepareFeedback(seen, products);
const input = byteLevels({ low: 0, high: 1 });
const lines = [];
for (const group of INT4_GROUPS.toReversed()) {
  const errors = [];
  for (const way of [nearest, feedback]) {
    const packed = await quantiseInt4(layer, input, group, way, products);
    const found = await products.multiplyTransposed(unseen, matrixOf(layer, unpackInt4(packed)));
    errors.push(meanError(exact, found));
  }
  const [before = 0, after = 0] = errors;
  lines.push([`${group}`, ...errors.map(percent), percent(1 - after / before)]);
}
console.log(
  `${layer.shape.outputs} rows of fc6, ${seen.rows} samples, ${unseen.rows} photographs held out\n`,
);
console.log(table(['group', 'nearest', 'by outputs', 'less by'], lines));

function firstRows({ shape, weight, bias }: FloatLinear, count: number): FloatLinear {
  const outputs = Math.min(count, shape.outputs);
  return { shape: { ...shape, outputs }, weight: weight.subarray(0, outputs * shape.inputs), bias };
}

function matrixOf({ shape }: FloatLinear, values: Float32Array): Matrix {
  return { rows: shape.outputs, columns: shape.inputs, values };
}

/** Mean over the photographs of ‖found − exact‖ ÷ ‖exact‖. */
function meanError(a: Matrix, b: Matrix): number {
  let sum = 0;
  for (let row = 0; row < a.rows; row += 1) {
    let [errors, squares] = [0, 0];
    for (let at = row * a.columns; at < (row + 1) * a.columns; at += 1) {
      const value = a.values[at] ?? 0;
      errors += (value - (b.values[at] ?? 0)) ** 2;
      squares += value * value;
    }
    sum += Math.sqrt(errors / squares);
  }
  return sum / a.rows;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
