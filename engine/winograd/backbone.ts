// The convolutions of a model: loaded into a WebAssembly memory of exactly their size, then pixels →
// `features`.

import { ModelError } from '../../core/errors.ts';
import type { Manifest, ManifestConvolution } from '../../core/manifest.ts';
import type { ImageBatch, ModelFiles } from '../../core/ports.ts';
import { type Algorithm, fallbacks } from './algorithm.ts';
import { DESCRIPTOR, describeConvolution, PANEL, panelBytes } from './descriptor.ts';
import { type Kernel, startKernel } from './kernel.ts';
import { createMemory } from './layout.ts';
import { loadTensors, type Placement } from './load-tensors.ts';
import { pixelTable } from './pixel-table.ts';
import { type BackboneOptions, type BackbonePlan, type PlannedConvolution, planBackbone } from './plan.ts';

export interface Backbone {
  readonly kernel: Kernel;
  readonly memory: WebAssembly.Memory;
  /** First byte of the memory that is free. */
  readonly end: number;
  /** What computes each convolution, in order. */
  readonly algorithms: readonly Algorithm[];
  /** float32 [images, featuresDim] */
  run(batch: ImageBatch): Float32Array;
}

/** Throws ModelError, SourceError. */
export async function loadBackbone(
  manifest: Manifest,
  files: ModelFiles,
  module: WebAssembly.Module,
  options: BackboneOptions,
): Promise<Backbone> {
  const plan = planBackbone(manifest, options);
  const memory = createMemory(plan.end);
  const kernel = await startKernel(module, memory);
  await loadTensors(files, manifest, plan.convolutions.flatMap(placements), memory);
  const table = new Int16Array(memory.buffer, plan.table, 3 * 256);
  table.set(pixelTable(manifest));
  const algorithms = plan.convolutions.map((planned) => prepare(plan, planned, kernel, memory));
  return {
    kernel,
    memory,
    end: plan.end,
    algorithms,
    run: (batch) => run(plan, algorithms, kernel, memory, batch),
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

/** Arranges a layer's weights, computes its scales, and says which algorithm is exact for it. */
function prepare(
  plan: BackbonePlan,
  planned: PlannedConvolution,
  kernel: Kernel,
  memory: WebAssembly.Memory,
): Algorithm {
  const { layer, fastest, inputChannels, shardWeights, weights, expanded } = planned;
  requantisationScales(layer, new Float32Array(memory.buffer, planned.scale, layer.outputChannels));
  if (fastest === 'first') {
    const step = panelBytes('first', inputChannels);
    for (let channel = 0; channel < layer.outputChannels; channel += PANEL) {
      const count = Math.min(PANEL, layer.outputChannels - channel);
      const from = weights + channel * inputChannels * 9;
      kernel.gatherFirstWeights(from, expanded + (channel / PANEL) * step, count);
    }
    return 'first';
  }
  const bound = kernel.arrangeWeights(
    shardWeights,
    weights,
    layer.outputChannels,
    layer.inputChannels,
    plan.panel,
  );
  const algorithm = fallbacks(fastest, bound).at(-1) ?? fastest;
  if (expanded !== 0) {
    writeDescriptor(plan, planned, algorithm, plan.images, memory);
    kernel.expandWeights(planned.descriptor);
  }
  return algorithm;
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
  algorithm: Algorithm,
  images: number,
  memory: WebAssembly.Memory,
): void {
  const fields = describeConvolution(plan, planned, algorithm, images);
  const words = new Int32Array(memory.buffer, planned.descriptor, DESCRIPTOR.length);
  words.set(DESCRIPTOR.map((field) => fields[field]));
}

function run(
  plan: BackbonePlan,
  algorithms: readonly Algorithm[],
  kernel: Kernel,
  memory: WebAssembly.Memory,
  { images, size, data }: ImageBatch,
): Float32Array {
  const output = new Float32Array(images * plan.featuresDim);
  const { map } = plan;
  const scale = plan.convolutions.at(-1)?.layer.output.scale ?? 1;
  const channels = plan.featuresDim / 49;
  for (let first = 0; first < images; first += plan.images) {
    const count = Math.min(plan.images, images - first);
    const pixels = data.subarray(first * size * size * 3, (first + count) * size * size * 3);
    new Uint8Array(memory.buffer, plan.pixels, pixels.length).set(pixels);
    kernel.readPixels(plan.pixels, plan.table, plan.firstInput, count, size);
    for (const [index, planned] of plan.convolutions.entries()) {
      writeDescriptor(plan, planned, algorithms[index] ?? planned.fastest, count, memory);
      kernel.convolve(planned.descriptor);
      for (const pool of planned.extraPools) {
        kernel.maxPool(pool.input, pool.output, count, pool.size, planned.outputChannels);
      }
    }
    kernel.poolFeatures(map.address, plan.features, count, map.size, map.channels, channels, scale);
    const features = new Float32Array(memory.buffer, plan.features, count * plan.featuresDim);
    output.set(features, first * plan.featuresDim);
  }
  return output;
}
