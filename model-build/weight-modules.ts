// The tensors of a weight file grouped as PyTorch's modules: `features.0` has `weight` and `bias`.

import type { TensorFile, TensorInfo } from '../core/tensor.ts';
import { invalidWeights } from './invalid-weights.ts';

export interface WeightModule {
  /** Name without the last part. */
  readonly path: string;
  /** Last part of the name (`weight`, `running_mean`) → tensor. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

const NATURAL = new Intl.Collator('en', { numeric: true });

/**
 * The modules below the given paths, path after path, each in natural order (`3` before `10`). The order
 * of the file is none: safetensors sorts by name. Throws InputError naming a tensor without values.
 */
export function modulesBelow(file: TensorFile, paths: readonly string[]): WeightModule[] {
  return paths.flatMap((path) => {
    const modules = new Map<string, Map<string, TensorInfo>>();
    for (const info of file.tensors.values()) {
      if (!info.name.startsWith(`${path}.`)) continue;
      if (info.shape.includes(0))
        throw invalidWeights(info.name, 'values', `shape [${info.shape.join(', ')}]`);
      const end = info.name.lastIndexOf('.');
      const tensors = modules.get(info.name.slice(0, end)) ?? new Map<string, TensorInfo>();
      tensors.set(info.name.slice(end + 1), info);
      modules.set(info.name.slice(0, end), tensors);
    }
    return [...modules]
      .map(([modulePath, tensors]): WeightModule => ({ path: modulePath, tensors }))
      .sort((a, b) => naturalOrder(a.path, b.path));
  });
}

function naturalOrder(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')];
  const differing = left.findIndex((part, index) => part !== right[index]);
  return differing < 0
    ? left.length - right.length
    : NATURAL.compare(left[differing] ?? '', right[differing] ?? '');
}

/** The tensor's name, after its shape has been checked. Throws InputError naming it. */
export function requireTensor(
  file: TensorFile,
  module: WeightModule,
  part: string,
  shape: readonly number[],
): string {
  const found = module.tensors.get(part);
  if (found === undefined) throw missingTensor(file, `${module.path}.${part}`, `shape [${shape.join(', ')}]`);
  if (found.shape.length !== shape.length || shape.some((size, index) => size !== found.shape[index])) {
    throw invalidWeights(found.name, `shape [${shape.join(', ')}]`, `[${found.shape.join(', ')}]`);
  }
  return found.name;
}

export function missingTensor(file: TensorFile, name: string, expected: string): Error {
  const dtype = file.skipped.get(name);
  const found = dtype === undefined ? 'no tensor of that name' : `values of type ${dtype}`;
  return invalidWeights(name, expected, found);
}
