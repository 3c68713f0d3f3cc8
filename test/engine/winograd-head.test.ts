// The head's linear layers: int8 rows are held to onnxruntime-web's bits in winograd-equality.test.ts; here
// 4-bit groups and 16-bit levels against their definition, any width, any batch.

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { customConfiguration } from '../../core/family.ts';
import {
  largestLevel,
  type Manifest,
  type ManifestLinear,
  type ManifestTensor,
  weightRow,
} from '../../core/manifest.ts';
import { parseManifest } from '../../core/parse-manifest.ts';
import { loadHead } from '../../engine/winograd/head.ts';
import { KERNEL_BYTES, startKernel } from '../../engine/winograd/kernel.ts';
import { createMemory } from '../../engine/winograd/layout.ts';
import { createRandom } from '../../model-build/random.ts';
import { randomNetwork, writeTemporaryModel } from './random-network.ts';
import { memoryFiles } from './tiny-model.ts';
import { winogradKernel } from './winograd-kernel.ts';

const kernelModule = winogradKernel();

/** A layer as the test keeps it: dequantised weights. */
interface PlainLayer {
  readonly layer: ManifestLinear;
  readonly weights: Float64Array;
  readonly bias: Float32Array;
}

/** The head of a narrow network, every layer replaced by one of random weights in the given form. */
async function randomHead(group: 32 | 64 | 128 | undefined, wide: boolean, pieces: number) {
  const configuration = customConfiguration([9, 'M'], false, { hiddenDim: 45, outputDim: 7 });
  await using model = await writeTemporaryModel(randomNetwork(configuration, 14, 1));
  const { manifest } = model;
  const random = createRandom(group ?? 8);
  const shard = { parts: [] as Uint8Array[], bytes: 0 };
  const tensors: Record<string, ManifestTensor> = { ...manifest.tensors };
  const add = (name: string, dtype: ManifestTensor['dtype'], shape: number[], values: ArrayBufferView) => {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    tensors[name] = { dtype, shape, shard: manifest.shards.length, offset: shard.bytes, bytes: bytes.length };
    const padded = new Uint8Array(Math.ceil(bytes.length / 64) * 64);
    padded.set(bytes);
    shard.parts.push(padded);
    shard.bytes += padded.length;
  };
  const plain = manifest.linears.map((given): PlainLayer => {
    const { name, inputs, outputs } = given;
    const h = Math.min(largestLevel(inputs), 32_639);
    const input = wide
      ? { scale: Math.fround(3 / h), zeroPoint: 0, lowest: -h, highest: h }
      : { scale: Math.fround(0.011), zeroPoint: 3, lowest: 0, highest: 255 };
    const weight = group === undefined ? undefined : { format: 'int4' as const, group };
    const row = weightRow(inputs, weight);
    const rowBytes = row.reduce((product, side) => product * side, 1);
    const groups = weight === undefined ? 1 : Math.ceil(inputs / weight.group);
    const stored = Uint8Array.from({ length: outputs * rowBytes }, () => random() * 256);
    const scale = Float32Array.from({ length: outputs * groups }, () => 0.001 * (0.5 + random()));
    const bias = Float32Array.from({ length: outputs }, () => random() - 0.5);
    const names: string[] = [];
    const step = Math.ceil(outputs / pieces);
    for (let first = 0; first < outputs; first += step) {
      const rows = Math.min(step, outputs - first);
      const piece = stored.subarray(first * rowBytes, (first + rows) * rowBytes);
      names.push(`${name}.weight.${names.length + 1}`);
      const dtype = weight === undefined ? 'int8' : 'uint8';
      add(names.at(-1) ?? '', dtype, [rows, ...row], piece);
    }
    add(`${name}.scale`, 'float32', weight === undefined ? [outputs] : [outputs, groups], scale);
    add(`${name}.bias`, 'float32', [outputs], bias);
    const weights = Float64Array.from({ length: outputs * inputs }, (_, index) => {
      const output = Math.floor(index / inputs);
      const column = index % inputs;
      if (weight === undefined) return (((stored[index] ?? 0) << 24) >> 24) * (scale[output] ?? 0);
      const byte = stored[output * rowBytes + (column >> 1)] ?? 0;
      const nibble = column % 2 === 0 ? byte & 15 : byte >> 4;
      return (nibble - 8) * (scale[output * groups + Math.floor(column / weight.group)] ?? 0);
    });
    const layer = { ...given, input, weights: names, ...(weight === undefined ? {} : { weight }) };
    return { layer, weights, bias };
  });
  const content = Buffer.concat(shard.parts);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const changed: Manifest = {
    ...manifest,
    tensors,
    linears: plain.map(({ layer }) => layer),
    shards: [...manifest.shards, { file: 'head.bin', part: 'head', bytes: content.length, sha256 }],
  };
  return { manifest: parseManifest(JSON.stringify(changed)), content: new Uint8Array(content), plain };
}

/** The definition in double precision: levels, products, bias, ReLU. */
function multiplyNaively({ layer, weights, bias }: PlainLayer, x: Float32Array): Float32Array {
  const { scale, zeroPoint, lowest, highest } = layer.input;
  const levels = Array.from(x, (value) => {
    const quotient = Math.fround(value / scale);
    const floor = Math.floor(quotient);
    const rest = quotient - floor;
    const rounded = floor + Number(rest > 0.5 || (rest === 0.5 && floor % 2 !== 0));
    return Math.min(Math.max(rounded + zeroPoint, lowest), highest) - zeroPoint;
  });
  return Float32Array.from(bias, (constant, output) => {
    let sum = 0;
    levels.forEach((level, input) => {
      sum += level * (weights[output * layer.inputs + input] ?? 0);
    });
    const value = sum * scale + constant;
    return layer.relu ? Math.max(value, 0) : value;
  });
}

describe.each<[string, 32 | 64 | 128 | undefined]>([
  ['int8', undefined],
  ['int4 in groups of 32', 32],
  ['int4 in groups of 64', 64],
  ['int4 in groups of 128', 128],
])('%s', (_, group) => {
  test.each<[string, boolean, number, number]>([
    ['8-bit levels', false, 1, 1],
    ['16-bit levels', true, 1, 1],
    ['three images', false, 3, 1],
    ['more images than are taken at once', true, 5, 1],
    ['weights in pieces', false, 2, 3],
  ])('%s', async (_, wide, images, pieces) => {
    const { manifest, content, plain } = await randomHead(group, wide, pieces);
    const memory = createMemory(KERNEL_BYTES);
    const kernel = await startKernel(kernelModule, memory);
    const files = memoryFiles(new Map([['head.bin', content]]));
    const parts = { manifest, files, kernel, memory, start: KERNEL_BYTES, imagesPerPass: 4 };
    const head = await loadHead(parts);
    const width = manifest.linears[0]?.inputs ?? 0;
    const random = createRandom(5);
    const features = Float32Array.from({ length: images * width }, () => 3 * random() - 0.2);
    const found = head.run(features, images, ['fc6', 'fc7', 'scores']);
    for (let image = 0; image < images; image += 1) {
      // Each layer from what the kernel gave before it: rounding differences must not pile up.
      let x: Float32Array = features.subarray(image * width, (image + 1) * width);
      for (const [index, tap] of (['fc6', 'fc7', 'scores'] as const).entries()) {
        const layer = plain[index];
        if (layer === undefined) throw new Error(`layer ${index}`);
        const expected = multiplyNaively(layer, x);
        const rows = found[tap] ?? new Float32Array();
        x = rows.subarray(image * expected.length, (image + 1) * expected.length);
        const largest = Math.max(...expected.map(Math.abs));
        expect(largest).toBeGreaterThan(0);
        x.forEach((value, output) => {
          expect(Math.abs(value - (expected[output] ?? Number.NaN))).toBeLessThan(largest * 1e-5);
        });
      }
    }
  });
});
