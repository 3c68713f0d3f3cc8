// The linear layers of a model: loaded behind the backbone into the same memory by the first run that
// needs them, then `features` → `fc6`, `fc7`, `scores`.

import type { Manifest } from '../../core/manifest.ts';
import type { ModelFiles } from '../../core/ports.ts';
import type { Tap, TapOutputs } from '../../core/taps.ts';
import type { Kernel } from './kernel.ts';
import { growMemory, Layout } from './layout.ts';
import { loadTensors } from './load-tensors.ts';
import { type HeadPlan, headPlacements, type PlannedLinear, planHead } from './plan-head.ts';

export interface Head {
  /** `features` float32 [images, …] → the taps asked for among `fc6`, `fc7`, `scores`. */
  run(features: Float32Array, images: number, taps: readonly Tap[]): TapOutputs;
}

export interface HeadParts {
  readonly manifest: Manifest;
  readonly files: ModelFiles;
  readonly kernel: Kernel;
  readonly memory: WebAssembly.Memory;
  /** First free byte of the memory. */
  readonly start: number;
  /** Images for which the weights are read once. */
  readonly imagesPerPass: number;
}

/** Grows the memory by what the head needs, and fills it. Throws ModelError, SourceError. */
export async function loadHead(parts: HeadParts): Promise<Head> {
  const { manifest, files, kernel, memory } = parts;
  const layout = new Layout(parts.start);
  const plan = planHead(manifest, parts.imagesPerPass, layout);
  growMemory(memory, layout.end);
  await loadTensors(files, manifest, headPlacements(plan), memory);
  for (const { layer, scale } of plan.linears) {
    // A row's sum is multiplied once, by what both scales make in float32, as the head's graph does; a sum of
    // groups by the input's scale at the end.
    if (layer.weight !== undefined) continue;
    const scales = new Float32Array(memory.buffer, scale, layer.outputs);
    scales.forEach((value, row) => {
      scales[row] = Math.fround(layer.input.scale) * value;
    });
  }
  return { run: (features, images, taps) => run(plan, kernel, memory, features, images, taps) };
}

function run(
  plan: HeadPlan,
  kernel: Kernel,
  memory: WebAssembly.Memory,
  features: Float32Array,
  images: number,
  taps: readonly Tap[],
): TapOutputs {
  const width = features.length / images;
  const outputs: TapOutputs = {};
  const last = plan.linears.findLastIndex(({ tap }) => tap !== undefined && taps.includes(tap));
  for (let first = 0; first < images; first += plan.images) {
    const count = Math.min(plan.images, images - first);
    const part = features.subarray(first * width, (first + count) * width);
    new Float32Array(memory.buffer, plan.input, part.length).set(part);
    let input = plan.input;
    for (const linear of plan.linears.slice(0, last + 1)) {
      multiply(plan, linear, kernel, input, count);
      input = linear.output;
      const { tap, layer, output } = linear;
      if (tap === undefined || !taps.includes(tap)) continue;
      const rows = outputs[tap] ?? new Float32Array(images * layer.outputs);
      rows.set(new Float32Array(memory.buffer, output, count * layer.outputs), first * layer.outputs);
      outputs[tap] = rows;
    }
  }
  return outputs;
}

/** One layer for `images` rows at `input`. */
function multiply(
  plan: HeadPlan,
  linear: PlannedLinear,
  kernel: Kernel,
  input: number,
  images: number,
): void {
  const { layer, paddedInputs } = linear;
  const { scale, zeroPoint, lowest, highest } = layer.input;
  for (let image = 0; image < images; image += 1) {
    const from = input + image * layer.inputs * 4;
    const levels = plan.levels + image * paddedInputs * 2;
    kernel.quantise(from, layer.inputs, levels, paddedInputs, scale, zeroPoint, lowest, highest);
  }
  if (layer.weight === undefined) multiplyInt8(plan, linear, kernel, images);
  else multiplyInt4(plan, linear, layer.weight.group, kernel, images);
}

function multiplyInt8(
  plan: HeadPlan,
  { layer, pieces, output, scale, bias }: PlannedLinear,
  kernel: Kernel,
  images: number,
): void {
  for (const { weights, start, rows } of pieces) {
    kernel.multiplyInt8(
      weights,
      plan.levels,
      output + start * 4,
      images,
      rows,
      layer.inputs,
      layer.outputs,
      scale + start * 4,
      layer.bias ? bias + start * 4 : 0,
      Number(layer.relu),
    );
  }
}

function multiplyInt4(
  plan: HeadPlan,
  { layer, pieces, paddedInputs, groups, output, scale, bias }: PlannedLinear,
  group: number,
  kernel: Kernel,
  images: number,
): void {
  // The images' levels lie one behind the other, and so do their groups.
  kernel.arrangeLevels(plan.levels, plan.arranged, plan.offsets, images * paddedInputs, group);
  for (const { weights, start, rows } of pieces) {
    kernel.multiplyInt4(
      weights,
      scale + start * groups * 4,
      plan.arranged,
      plan.offsets,
      output + start * 4,
      images,
      rows,
      paddedInputs,
      layer.outputs,
      group,
      layer.input.scale,
      layer.bias ? bias + start * 4 : 0,
      Number(layer.relu),
    );
  }
}
