// Finds the tensors of a VGG in a weight file by name, order and shape: torchvision's names, timm's, and
// those of a hand-written module with `features` and `classifier`, under any common prefix (`module.`).
//   open-weights → here → read-network

import {
  type ConvolutionShape,
  convolutionShapes,
  customConfiguration,
  type LinearShape,
  linearShapes,
  type VggConfiguration,
} from '../core/family.ts';
import type { TensorFile } from '../core/tensor.ts';
import { invalidWeights } from './invalid-weights.ts';
import { type ConvolutionModules, findConvolutions, inferItems } from './name-convolutions.ts';
import { findLinears } from './name-linears.ts';
import { missingTensor, requireTensor, type WeightModule } from './weight-modules.ts';

/** Names of the tensors of one convolution, [out, in, 3, 3], and of its batch norm, each [out]. */
export interface NamedConvolution {
  readonly shape: ConvolutionShape;
  readonly weight: string;
  /** null: the file has none for any convolution (usual before a batch norm); zeros. */
  readonly bias: string | null;
  readonly batchNorm: NamedBatchNorm | null;
}

export interface NamedBatchNorm {
  readonly weight: string;
  readonly bias: string;
  readonly runningMean: string;
  readonly runningVariance: string;
}

/** Names of one matrix of the classifier, [outputs, inputs] or the same as a convolution (timm). */
export interface NamedLinear {
  readonly shape: LinearShape;
  readonly weight: string;
  /** [outputs]; null for the first factor of a factorised layer. */
  readonly bias: string | null;
}

/** A VGG recognised in a weight file. Every tensor named here exists and has the shape it must have. */
export interface NamedNetwork {
  readonly configuration: VggConfiguration;
  /** What stands before `features` in the names: `''`, `module.`, … */
  readonly prefix: string;
  /** In the order of core/family.ts's convolutionShapes. */
  readonly convolutions: readonly NamedConvolution[];
  /** In the order of core/family.ts's linearShapes. */
  readonly linears: readonly NamedLinear[];
  /** Tensors of the file that the network does not have. */
  readonly unused: readonly string[];
}

/** Any side that five pools leave something of; shapes of tensors do not depend on it. */
const INPUT_SIZE = 224;

/**
 * Recognises the network: family, batch norm, ranks, hidden width and number of classes.
 * Throws InputError `invalid_weights` with the tensor's name, what was expected and what was found.
 */
export function nameTensors(file: TensorFile): NamedNetwork {
  const prefix = findPrefix(file);
  const modules = findConvolutions(file, `${prefix}features`);
  const layers = findLinears(file, prefix);
  const items = inferItems(`${prefix}features`, modules);
  const [fc6, fc7, fc8] = layers;
  const configuration = customConfiguration(items, modules[0]?.batchNorm !== null, {
    hiddenDim: rows(fc6?.at(-1)),
    outputDim: rows(fc8?.at(-1)),
    fc6Rank: fc6?.length === 2 ? rows(fc6[0]) : null,
    fc7Rank: fc7?.length === 2 ? rows(fc7[0]) : null,
  });

  const convolutions = nameConvolutions(file, configuration, modules);
  const linears = nameLinears(file, configuration, layers.flat());
  const used = new Set(namesOf(convolutions, linears));
  const unused = [...file.tensors.keys()].filter((name) => !used.has(name));
  return { configuration, prefix, convolutions, linears, unused };
}

function findPrefix(file: TensorFile): string {
  const prefixes = new Set<string>();
  for (const { name, shape } of file.tensors.values()) {
    const before = /^(|.*\.)features\./.exec(name)?.[1];
    if (before !== undefined && shape.length === 4) prefixes.add(before);
  }
  const [prefix, another] = prefixes;
  if (prefix === undefined || another !== undefined) {
    const names = [...file.tensors.keys()].slice(0, 4).join(', ');
    throw invalidWeights(
      'a VGG',
      'one set of convolutions named features.…',
      another === undefined ? `the tensors ${names || 'none'}` : `some under '${prefix}' and '${another}'`,
    );
  }
  return prefix;
}

function nameConvolutions(
  file: TensorFile,
  configuration: VggConfiguration,
  modules: readonly ConvolutionModules[],
): NamedConvolution[] {
  const shapes = convolutionShapes(configuration, INPUT_SIZE);
  const biased =
    !configuration.batchNorm || modules.some(({ convolution }) => convolution.tensors.has('bias'));
  return modules.map(({ convolution, batchNorm }, index) => {
    const shape = shapes[index];
    if (shape === undefined) throw missingTensor(file, `${convolution.path}.weight`, 'a convolution');
    const { inputChannels, outputChannels } = shape;
    return {
      shape,
      weight: requireTensor(file, convolution, 'weight', [outputChannels, inputChannels, 3, 3]),
      bias: biased ? requireTensor(file, convolution, 'bias', [outputChannels]) : null,
      batchNorm: batchNorm && nameBatchNorm(file, batchNorm, outputChannels),
    };
  });
}

function nameBatchNorm(file: TensorFile, module: WeightModule, channels: number): NamedBatchNorm {
  return {
    weight: requireTensor(file, module, 'weight', [channels]),
    bias: requireTensor(file, module, 'bias', [channels]),
    runningMean: requireTensor(file, module, 'running_mean', [channels]),
    runningVariance: requireTensor(file, module, 'running_var', [channels]),
  };
}

function nameLinears(
  file: TensorFile,
  configuration: VggConfiguration,
  modules: readonly WeightModule[],
): NamedLinear[] {
  return linearShapes(configuration).map((shape, index) => {
    const module = modules[index];
    if (module === undefined) throw missingTensor(file, shape.name, 'a linear layer');
    const weight = module.tensors.get('weight');
    // [out, in] or, as a convolution over a k × k map, [out, in / k², k, k].
    const kernel = weight?.shape.slice(2) ?? [];
    const area = kernel.reduce((product, side) => product * side, 1);
    return {
      shape,
      weight: requireTensor(file, module, 'weight', [shape.outputs, shape.inputs / area, ...kernel]),
      bias: shape.bias ? requireTensor(file, module, 'bias', [shape.outputs]) : null,
    };
  });
}

function rows(module: WeightModule | undefined): number {
  return module?.tensors.get('weight')?.shape[0] ?? 0;
}

function namesOf(convolutions: readonly NamedConvolution[], linears: readonly NamedLinear[]): string[] {
  const normed = convolutions.flatMap(({ batchNorm }) =>
    batchNorm === null ? [] : Object.values(batchNorm),
  );
  return [...convolutions, ...linears]
    .flatMap(({ weight, bias }) => [weight, bias ?? []].flat())
    .concat(normed);
}
