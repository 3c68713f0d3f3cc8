// Recognises the convolutions and batch norms below `features`, and where the max-pools stand between
// them, which have no tensors of their own. Below name-tensors.ts.

import { type ConfigurationItem, FAMILY } from '../core/family.ts';
import type { TensorFile } from '../core/tensor.ts';
import { invalidWeights } from './invalid-weights.ts';
import { missingTensor, modulesBelow, type WeightModule } from './weight-modules.ts';

/** A convolution and the batch norm behind it, not yet checked. */
export interface ConvolutionModules {
  readonly convolution: WeightModule;
  readonly batchNorm: WeightModule | null;
}

/** 224 / 2⁵ = 7: as many max-pools as the method has. */
const MAX_POOLS = 5;

/** The convolutions below `path`, in order. Throws InputError naming what is missing or does not belong. */
export function findConvolutions(file: TensorFile, path: string): ConvolutionModules[] {
  const convolutions: WeightModule[] = [];
  const batchNorms: WeightModule[] = [];
  for (const module of modulesBelow(file, [path])) {
    const weight = module.tensors.get('weight');
    if (module.tensors.has('running_mean') || weight?.shape.length === 1) batchNorms.push(module);
    else if (weight?.shape.length === 4) convolutions.push(module);
    else if (weight === undefined) throw missingTensor(file, `${module.path}.weight`, 'a weight');
    else
      throw invalidWeights(weight.name, 'a convolution or batch norm', `shape [${weight.shape.join(', ')}]`);
  }
  if (batchNorms.length === 0) return convolutions.map((convolution) => ({ convolution, batchNorm: null }));
  if (batchNorms.length !== convolutions.length) {
    throw invalidWeights(
      path,
      `a batch norm behind each of ${convolutions.length} convolutions (${paths(convolutions)})`,
      `${batchNorms.length} (${paths(batchNorms)})`,
    );
  }
  return convolutions.map((convolution, index) => ({ convolution, batchNorm: batchNorms[index] ?? null }));
}

/**
 * The configuration's items: channels with the max-pools between them. Where the modules are numbered as
 * in torchvision (convolution, [batch norm], ReLU, [max-pool]) the gaps in the numbers tell the pools;
 * else the row of the family with as many convolutions does. The network ends with a pool, as all do.
 * Throws InputError when neither tells.
 */
export function inferItems(path: string, modules: readonly ConvolutionModules[]): ConfigurationItem[] {
  const channels = modules.map(({ convolution }) => convolution.tensors.get('weight')?.shape[0] ?? 0);
  const pools = poolsByNumber(path, modules) ?? poolsByRow(channels);
  if (pools === undefined) {
    throw invalidWeights(
      path,
      'numbered modules (convolution, [batch norm], ReLU, [max-pool]) or the convolutions of VGG11, 13, 16 or 19',
      paths(modules.map(({ convolution }) => convolution)),
    );
  }
  return channels.flatMap((count, index): ConfigurationItem[] => (pools[index] ? [count, 'M'] : [count]));
}

/** For each convolution whether a max-pool follows; undefined where the numbers do not tell. */
function poolsByNumber(path: string, modules: readonly ConvolutionModules[]): boolean[] | undefined {
  const numbers = modules.map(({ convolution }) => {
    const number = convolution.path.slice(path.length + 1);
    return /^\d+$/.test(number) ? Number(number) : Number.NaN;
  });
  const withoutPool = modules[0]?.batchNorm === null ? 2 : 3;
  const gaps = numbers.slice(1).map((number, index) => number - (numbers[index] ?? Number.NaN));
  if (!gaps.every((gap) => gap === withoutPool || gap === withoutPool + 1)) return undefined;
  const pools = [...gaps.map((gap) => gap > withoutPool), true];
  return pools.filter(Boolean).length <= MAX_POOLS ? pools : undefined;
}

/** The same by the row with as many convolutions, when channels change only behind its pools. */
function poolsByRow(channels: readonly number[]): boolean[] | undefined {
  for (const row of Object.values(FAMILY)) {
    const pools = row.flatMap((item, index) => (item === 'M' ? [] : [row[index + 1] === 'M']));
    if (pools.length !== channels.length) continue;
    const constant = channels.every(
      (count, index) => pools[index] || count === (channels[index + 1] ?? count),
    );
    if (constant) return pools;
  }
  return undefined;
}

function paths(modules: readonly WeightModule[]): string {
  return modules.length === 0 ? 'none' : modules.map(({ path }) => path).join(', ');
}
