// A model directory in memory: a narrow VGG of seeded random int8 weights on 28×28 images, written by the
// model build's own stages. What an engine makes of it depends on nothing trained.

import { createHash } from 'node:crypto';
import { convolutionShapes, customConfiguration, linearShapes } from '../../core/family.ts';
import { type Manifest, parseManifest, shardFileName } from '../../core/manifest.ts';
import type { Digest, ModelFiles } from '../../core/ports.ts';
import { int8Backbone, int8Head } from '../../model-build/int8-graph.ts';
import type { QuantisedNetwork } from '../../model-build/network.ts';
import { writeOnnx } from '../../model-build/onnx-writer.ts';
import { fillShards, sha256, shardBytes } from '../../model-build/shard.ts';
import { noise } from '../core/noise.ts';

const CROP = 28;
const CONFIGURATION = customConfiguration([8, 'M', 16, 'M', 16], true, {
  hiddenDim: 24,
  outputDim: 5,
  fc6Rank: 6,
});

export interface TinyModel {
  readonly manifest: Manifest;
  readonly content: ReadonlyMap<string, Uint8Array>;
}

export function tinyModel(): TinyModel {
  const network = randomNetwork();
  const graphs = { backbone: int8Backbone(network), head: int8Head(network) };
  const backbone = fillShards(graphs.backbone.weights, 0);
  const shards = [...backbone, ...fillShards(graphs.head.weights, backbone.length)];
  const names = shards.map((_, index) => shardFileName(index + 1, shards.length));
  const placements = new Map(
    shards.flatMap(({ placements }) => placements.map((placement) => [placement.tensor.name, placement])),
  );
  const content = new Map<string, Uint8Array>();
  shards.forEach((shard, index) => {
    content.set(names[index] ?? '', shardBytes(shard));
  });
  for (const [part, graph] of Object.entries(graphs)) {
    content.set(`${part}.onnx`, writeOnnx(graph, { placements, files: names }));
  }
  const listed = (file: string, part: string) => {
    const bytes = content.get(file) ?? new Uint8Array();
    return { file, part, bytes: bytes.length, sha256: sha256(bytes) };
  };
  const { input, convolutions, linears } = network;
  const { name, items, batchNorm, hiddenDim, outputDim, ranks } = CONFIGURATION;
  const json = JSON.stringify({
    format: 'vgg-edge-model',
    formatVersion: 1,
    name: 'tiny',
    trained: false,
    network: { name, items, batchNorm, hiddenDim, outputDim, ranks },
    preprocess: { name: 'tiny@1', ...input },
    taps: [
      { name: 'features', shape: [16, 7, 7] },
      { name: 'fc6', shape: [hiddenDim] },
      { name: 'fc7', shape: [hiddenDim] },
      { name: 'scores', shape: [outputDim] },
    ],
    labels: [],
    convolutions: convolutions.map(({ shape, input, output }) => ({ ...shape, input, output })),
    linears: linears.map(({ shape, input }) => ({ ...shape, input, weights: [`${shape.name}.weight`] })),
    tensors: Object.fromEntries(
      [...placements].map(([tensorName, { tensor, shard, offset }]) => [
        tensorName,
        { dtype: tensor.type, shape: tensor.shape, shard, offset, bytes: tensor.bytes.byteLength },
      ]),
    ),
    graphs: [listed('backbone.onnx', 'backbone'), listed('head.onnx', 'head')],
    shards: names.map((file, index) => listed(file, index < backbone.length ? 'backbone' : 'head')),
    floatGraphs: [],
    calibration: {},
    fidelity: {},
    provenance: {},
    licence: 'CC0-1.0',
  });
  content.set('model.json', new TextEncoder().encode(json));
  return { manifest: parseManifest(json), content };
}

/** The files, with every opening written down, and each open to interference. */
export function memoryFiles(
  content: ReadonlyMap<string, Uint8Array>,
  interfere: (file: string, bytes: Uint8Array) => Uint8Array = (_, bytes) => bytes,
): ModelFiles & { readonly opened: string[] } {
  const opened: string[] = [];
  return {
    opened,
    async open(file) {
      opened.push(file);
      return pieces(interfere(file, content.get(file) ?? new Uint8Array()));
    },
    sha256: nodeSha256,
  };
}

/** A uint8 batch of noise, [images, 28, 28, 3]. */
export function tinyBatch(images: number, seed: number) {
  return { images, size: CROP, data: noise(images * CROP * CROP * 3, seed) };
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const step = Math.max(1, Math.ceil(bytes.length / 3));
  for (let start = 0; start < bytes.length; start += step) yield bytes.subarray(start, start + step);
}

function nodeSha256(): Digest {
  const hash = createHash('sha256');
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    hex: async () => hash.digest('hex'),
  };
}

/** Weights uniform with the deviation that keeps activations at about 1 (He et al. 2015). */
function randomNetwork(): QuantisedNetwork {
  let seed = 0;
  const weights = (count: number): Int8Array => {
    seed += 1;
    return Int8Array.from(noise(count, seed), (value) => Math.max(value - 128, -127));
  };
  const levels = (top: number, zeroPoint = 0) => ({ scale: Math.fround(top / 255), zeroPoint });
  let input = levels(5, 120);
  const convolutions = convolutionShapes(CONFIGURATION, CROP).map((shape) => {
    const fan = 9 * shape.inputChannels;
    const output = levels(6);
    const convolution = {
      shape,
      weight: weights(shape.outputChannels * fan),
      scale: new Float32Array(shape.outputChannels).fill(Math.sqrt(6 / fan) / 127),
      bias: Int32Array.from(weights(shape.outputChannels), (value) => value * 8),
      input,
      output,
    };
    input = output;
    return convolution;
  });
  const linears = linearShapes(CONFIGURATION).map((shape) => ({
    shape,
    weight: weights(shape.inputs * shape.outputs),
    scale: new Float32Array(shape.outputs).fill(Math.sqrt(6 / shape.inputs) / 127),
    bias: shape.bias ? Float32Array.from(weights(shape.outputs), (value) => value / 256) : null,
    input: shape.name.endsWith('.up') ? levels(12, 128) : levels(6),
  }));
  const mean: [number, number, number] = [0.485, 0.456, 0.406];
  const deviation: [number, number, number] = [0.229, 0.224, 0.225];
  return {
    configuration: CONFIGURATION,
    input: { resize: CROP + 4, crop: CROP, mean, deviation },
    convolutions,
    linears,
  };
}
