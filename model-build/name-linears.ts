// Recognises the classifier's three linear layers, whole or factorised. Below name-tensors.ts.

import type { TensorFile } from '../core/tensor.ts';
import { invalidWeights } from './invalid-weights.ts';
import { modulesBelow, type WeightModule } from './weight-modules.ts';

/** A linear layer as its matrices: one, or two where it is factorised ([r × in], then [out × r]). */
export type LinearModules = readonly WeightModule[];

/** torchvision's and most hand-written modules' `classifier`; timm's `pre_logits` (convolutions) and `head`. */
const CLASSIFIERS: readonly (readonly string[])[] = [['classifier'], ['pre_logits', 'head']];

const LAYERS = 3;

/** fc6, fc7, fc8. Throws InputError naming what is missing or does not belong. */
export function findLinears(file: TensorFile, prefix: string): LinearModules[] {
  const candidates = CLASSIFIERS.map((paths) =>
    modulesBelow(
      file,
      paths.map((path) => prefix + path),
    ),
  );
  const modules = candidates.find((candidate) => candidate.length > 0) ?? [];
  for (const { path, tensors } of modules) {
    const weight = tensors.get('weight');
    // timm writes a linear layer as a convolution over the whole 7×7 map: the same values in the same order.
    if (weight?.shape.length !== 2 && weight?.shape.length !== 4) {
      const found = weight === undefined ? 'none' : `shape [${weight.shape.join(', ')}]`;
      throw invalidWeights(`${path}.weight`, 'the matrix of a linear layer', found);
    }
  }
  const layers = modules.length > LAYERS ? pairFactors(modules) : modules.map((module) => [module]);
  if (layers.length !== LAYERS) {
    throw invalidWeights(
      `${prefix}classifier`,
      'three linear layers (classifier.0, classifier.3, classifier.6; timm: pre_logits.fc1, pre_logits.fc2, head.fc)',
      modules.length === 0 ? 'none' : `${layers.length} (${modules.map(({ path }) => path).join(', ')})`,
    );
  }
  const [first, second] = layers.at(-1) ?? [];
  if (first !== undefined && second !== undefined) {
    throw invalidWeights(first.path, 'one matrix, being the last layer,', `two with ${second.path}`);
  }
  return layers;
}

/** A matrix without bias is the first factor of the next one's layer. */
function pairFactors(modules: readonly WeightModule[]): LinearModules[] {
  const layers: WeightModule[][] = [];
  let factors: WeightModule[] = [];
  for (const module of modules) {
    factors.push(module);
    if (!module.tensors.has('bias') && factors.length === 1) continue;
    layers.push(factors);
    factors = [];
  }
  return factors.length === 0 ? layers : [...layers, factors];
}
