// Quantised networks of seeded random int8 weights, of any shape, as model directories: what the engines
// have to agree on. The levels are chosen so that activations fill 0…255 and touch both ends.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convolutionShapes, linearShapes, type VggConfiguration } from '../../core/family.ts';
import { type Int4Group, largestLevel, type Manifest } from '../../core/manifest.ts';
import type { ModelFiles } from '../../core/ports.ts';
import { readManifest } from '../../engine/model-file.ts';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { packInt4 } from '../../model-build/int4-weights.ts';
import type {
  Int4Linear,
  Levels,
  QuantisedConvolution,
  QuantisedNetwork,
} from '../../model-build/network.ts';
import { TORCHVISION_INPUT } from '../../model-build/network.ts';
import { createRandom } from '../../model-build/random.ts';
import { describeModel, writeManifest, writeWeights } from '../../model-build/write-model.ts';
import type { TinyModel } from './tiny-model.ts';

/** Root mean square of the weights, and roughly of the levels. */
const WEIGHT_RMS = 73;
const LEVEL_RMS = 64;

const bytes = (scale: number, zeroPoint: number): Levels => ({
  scale: Math.fround(scale),
  zeroPoint,
  lowest: 0,
  highest: 255,
});

/** `crop` is the side of the input in pixels. */
export function randomNetwork(configuration: VggConfiguration, crop: number, seed: number): QuantisedNetwork {
  const random = createRandom(seed);
  const signed = (magnitude: number) => Math.round((2 * random() - 1) * magnitude);
  let input = bytes(0.0187, 114);
  const convolutions = convolutionShapes(configuration, crop).map((shape): QuantisedConvolution => {
    const { inputChannels, outputChannels } = shape;
    const scale = Float32Array.from({ length: outputChannels }, () => 0.01 * (0.5 + random()));
    const spread = WEIGHT_RMS * LEVEL_RMS * Math.sqrt(9 * inputChannels);
    const output = bytes((input.scale * 0.01 * spread) / 90, 0);
    const convolution = {
      shape,
      weight: Int8Array.from({ length: outputChannels * inputChannels * 9 }, () => signed(127)),
      scale,
      bias: Int32Array.from({ length: outputChannels }, () => signed(spread / 4)),
      input,
      output,
    };
    input = output;
    return convolution;
  });
  const linears = linearShapes(configuration).map((shape) => ({
    format: 'int8' as const,
    shape,
    weight: Int8Array.from({ length: shape.outputs * shape.inputs }, () => signed(127)),
    scale: Float32Array.from({ length: shape.outputs }, () => 0.01 * (0.5 + random())),
    bias: shape.bias ? Float32Array.from({ length: shape.outputs }, () => 2 * random() - 1) : null,
    input: bytes(input.scale * (1 + random()), shape.name.endsWith('.up') ? 128 : 0),
  }));
  return { configuration, input: { ...TORCHVISION_INPUT, crop }, convolutions, linears };
}

/** The network with a 4-bit head: every level occurs, scales have either sign. */
export function withInt4Head(network: QuantisedNetwork, group: Int4Group, seed: number): QuantisedNetwork {
  const random = createRandom(seed);
  const linears = network.linears.map(({ shape, bias, input }): Int4Linear => {
    const { inputs, outputs } = shape;
    const levels = Int8Array.from({ length: outputs * inputs }, () => Math.floor(random() * 16) - 8);
    const groups = outputs * Math.ceil(inputs / group);
    return {
      format: 'int4',
      shape,
      group,
      weight: packInt4(levels, outputs, group),
      scale: Float32Array.from({ length: groups }, () => 0.1 * (random() - 0.5)),
      bias,
      input,
    };
  });
  return { ...network, linears };
}

/** The network with as many levels as a layer may have before all linear layers but the first. */
export function withWideLevels(network: QuantisedNetwork): QuantisedNetwork {
  const linears = network.linears.map((linear, index) => {
    if (index === 0) return linear;
    const highest = largestLevel(linear.shape.inputs);
    const scale = Math.fround((linear.input.scale * 255) / highest);
    return { ...linear, input: { scale, zeroPoint: 0, lowest: -highest, highest } };
  });
  return { ...network, linears };
}

/** A model directory on the disk for as long as it is in use. */
export interface TemporaryModel extends AsyncDisposable {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly files: ModelFiles;
}

export async function writeTemporaryModel(network: QuantisedNetwork): Promise<TemporaryModel> {
  const directory = await mkdtemp(join(tmpdir(), 'vgg-edge-'));
  const written = await writeWeights(directory, network);
  const draft = describeModel(network, written, {
    name: 'random',
    trained: false,
    labels: [],
    calibration: {},
    fidelity: {},
    provenance: {},
    licence: 'none',
    floatGraphs: [],
  });
  await writeManifest(directory, draft);
  const files = diskFiles(directory);
  const { manifest } = await readManifest(files);
  return { directory, manifest, files, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}

/** The files of such a directory by name. */
export async function modelContent(network: QuantisedNetwork): Promise<TinyModel> {
  await using model = await writeTemporaryModel(network);
  const { directory, manifest } = model;
  const content = new Map<string, Uint8Array>();
  for (const file of await readdir(directory)) {
    content.set(file, new Uint8Array(await readFile(join(directory, file))));
  }
  return { manifest, content };
}
