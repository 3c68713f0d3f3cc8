// The convolutions of a model: loaded into a WebAssembly memory of exactly their size, then pixels →
// `features`.

import { ModelError } from '../../core/errors.ts';
import type { Manifest, ManifestConvolution } from '../../core/manifest.ts';
import type { ImageBatch, ModelFiles } from '../../core/ports.ts';
import { type Algorithm, isExact, partChannels } from './algorithm.ts';
import { DESCRIPTOR, describeConvolution } from './descriptor.ts';
import { type Kernel, startKernel } from './kernel.ts';
import { createMemory } from './layout.ts';
import { loadTensors, type Placement } from './load-tensors.ts';
import { pixelTable } from './pixel-table.ts';
import { type BackbonePlan, type PlannedConvolution, planBackbone } from './plan.ts';

/** One sum over the whole depth: the products themselves are exact modulo 2³². */
const ALL_CHANNELS = 2 ** 31 - 1;

export interface Backbone {
  readonly kernel: Kernel;
  readonly memory: WebAssembly.Memory;
  /** First byte of the memory that is free. */
  readonly end: number;
  /** How each convolution is computed, in order. */
  readonly methods: readonly Method[];
  readonly featuresDim: number;
  /** Of at most `imagesPerPass` images. Writes float32 [images, featuresDim] into `features`. */
  run(batch: ImageBatch, features: Float32Array): void;
}

export interface Method {
  readonly algorithm: Algorithm;
  /** Input channels that are summed at once, so that the sum is exact for these weights. */
  readonly part: number;
}

/** Throws ModelError, SourceError. */
export async function loadBackbone(
  manifest: Manifest,
  files: ModelFiles,
  module: WebAssembly.Module,
  imagesPerPass: number,
): Promise<Backbone> {
  const plan = planBackbone(manifest, imagesPerPass);
  const memory = createMemory(plan.end);
  const kernel = await startKernel(module, memory);
  await loadTensors(files, manifest, plan.convolutions.flatMap(placements), memory);
  const table = new Int16Array(memory.buffer, plan.table, 3 * 256);
  table.set(pixelTable(manifest));
  const parts = plan.convolutions.map((planned) => prepare(plan, planned, kernel, memory));
  return {
    kernel,
    memory,
    end: plan.end,
    methods: plan.convolutions.map(({ algorithm }, index) => ({ algorithm, part: parts[index] ?? 0 })),
    featuresDim: plan.featuresDim,
    run: (batch, features) => run(plan, parts, kernel, memory, batch, features),
  };
}

function placements({ layer, shardWeights, scale, bias }: PlannedConvolution): Placement[] {
  const { name, inputChannels, outputChannels } = layer;
  const shape = [outputChannels, inputChannels, 3, 3];
  return [
    { name: `${name}.weight`, dtype: 'int8', shape, address: shardWeights },
    { name: `${name}.scale`, dtype: 'float32', shape: [outputChannels], address: scale },
    { name: `${name}.bias`, dtype: 'int32', shape: [outputChannels], address: bias },
  ];
}

/** Arranges a layer's weights and computes its scales; returns how many channels to sum at once. */
function prepare(
  plan: BackbonePlan,
  planned: PlannedConvolution,
  kernel: Kernel,
  memory: WebAssembly.Memory,
): number {
  const { layer, algorithm, inputChannels, outputChannels, shardWeights, weights } = planned;
  requantisationScales(layer, new Float32Array(memory.buffer, planned.scale, layer.outputChannels));
  if (algorithm === 'first') return ALL_CHANNELS;
  kernel.arrangeWeights(shardWeights, weights, layer.outputChannels, layer.inputChannels, plan.panel);
  let parts = 1;
  let part = inputChannels;
  while (!isExact(algorithm, kernel.weightBound(weights, outputChannels, inputChannels, part))) {
    parts += 1;
    part = partChannels(inputChannels, parts);
  }
  return algorithm === 'direct' ? ALL_CHANNELS : part;
}

/**
 * Weight scales → what the sums are multiplied by, in place: input scale × weight scale ÷ output scale,
 * rounded to float32 after each step as onnxruntime's QLinearConv does.
 */
function requantisationScales({ name, input, output }: ManifestConvolution, scales: Float32Array): void {
  scales.forEach((scale, channel) => {
    if (!(scale > 0 && scale < Number.POSITIVE_INFINITY)) {
      throw new ModelError(
        'invalid_manifest',
        `Expected a positive weight scale for channel ${channel} of ${name} but found ${scale}. Build the model directory again.`,
      );
    }
    scales[channel] = Math.fround(Math.fround(input.scale) * scale) / Math.fround(output.scale);
  });
}

function writeDescriptor(
  plan: BackbonePlan,
  planned: PlannedConvolution,
  part: number,
  images: number,
  memory: WebAssembly.Memory,
): void {
  const fields = describeConvolution(plan, planned, part, images);
  const words = new Int32Array(memory.buffer, planned.descriptor, DESCRIPTOR.length);
  words.set(DESCRIPTOR.map((field) => fields[field]));
}

function run(
  plan: BackbonePlan,
  parts: readonly number[],
  kernel: Kernel,
  memory: WebAssembly.Memory,
  { images, size, data }: ImageBatch,
  features: Float32Array,
): void {
  const { map, featuresDim } = plan;
  const scale = plan.convolutions.at(-1)?.layer.output.scale ?? 1;
  new Uint8Array(memory.buffer, plan.pixels, data.length).set(data);
  kernel.readPixels(plan.pixels, plan.table, plan.firstInput, images, size);
  for (const [index, planned] of plan.convolutions.entries()) {
    writeDescriptor(plan, planned, parts[index] ?? planned.inputChannels, images, memory);
    kernel.convolve(planned.descriptor);
    for (const pool of planned.extraPools) {
      kernel.maxPool(pool.input, pool.output, images, pool.size, planned.outputChannels);
    }
  }
  kernel.poolFeatures(map.address, plan.features, images, map.size, map.channels, featuresDim / 49, scale);
  features.set(new Float32Array(memory.buffer, plan.features, images * featuresDim));
}
