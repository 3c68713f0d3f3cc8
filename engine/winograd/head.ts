// The linear layers of a model: loaded behind the backbone into the same memory by the first run that
// needs them, then `features` → `fc6`, `fc7`, `scores`.

import type { Manifest } from '../../core/manifest.ts';
import type { ModelFiles } from '../../core/ports.ts';
import type { Tap, TapOutputs } from '../../core/taps.ts';
import type { Kernel } from './kernel.ts';
import { growMemory, Layout } from './layout.ts';
import { loadTensors } from './load-tensors.ts';
import { type HeadPlan, headPlacements, type PlannedLinear, paddedInputs, planHead } from './plan-head.ts';

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
  for (const { layer, factor } of plan.linears) {
    const scales = new Float32Array(memory.buffer, factor, layer.outputs);
    scales.forEach((scale, row) => {
      scales[row] = Math.fround(layer.input.scale) * scale;
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
  const { inputs, outputs, relu, input: levels } = linear.layer;
  const padded = paddedInputs(inputs);
  for (let image = 0; image < images; image += 1) {
    kernel.quantise(
      input + image * inputs * 4,
      inputs,
      plan.levels + image * padded * 2,
      padded,
      levels.scale,
      levels.zeroPoint,
      levels.lowest,
      levels.highest,
    );
  }
  for (const { weights, start, rows } of linear.pieces) {
    kernel.multiplyInt8(
      weights,
      plan.levels,
      linear.output + start * 4,
      images,
      rows,
      inputs,
      outputs,
      linear.factor + start * 4,
      linear.bias === 0 ? 0 : linear.bias + start * 4,
      relu ? 1 : 0,
    );
  }
}
