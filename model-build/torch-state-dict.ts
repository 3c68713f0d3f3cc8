// Finds the state dict in what torch.save was given: the dict itself or one inside a checkpoint.

import { invalidWeights } from './invalid-weights.ts';
import { kindOf } from './pickle-machine.ts';
import { TorchTensor } from './torch-pickle.ts';

/** Where training scripts put the weights, in the order of preference; everything else is left alone. */
const CHECKPOINT_KEYS: readonly string[] = [
  'state_dict',
  'model_state_dict',
  'model_state',
  'model',
  'network',
  'net',
  'weights',
  'params',
];

/** A checkpoint within a checkpoint is the deepest known: {'model': {'state_dict': {…}}}. */
const MAX_DEPTH = 3;

/**
 * The tensors by name, in the order of the file.
 * Throws InputError `invalid_weights` when there is no dict with tensors in one of the known places.
 */
export function findStateDict(value: unknown, where: string): ReadonlyMap<string, TorchTensor> {
  const found = search(value, 0);
  if (found !== undefined) return found;
  const known = CHECKPOINT_KEYS.join(', ');
  throw invalidWeights(where, `a state dict, alone or under ${known},`, describe(value));
}

function search(value: unknown, depth: number): ReadonlyMap<string, TorchTensor> | undefined {
  if (!(value instanceof Map) || depth === MAX_DEPTH) return undefined;
  const tensors = new Map<string, TorchTensor>();
  for (const [name, entry] of value) {
    if (typeof name === 'string' && entry instanceof TorchTensor) tensors.set(name, entry);
  }
  if (tensors.size > 0) return tensors;
  for (const key of CHECKPOINT_KEYS) {
    const inner = search(value.get(key), depth + 1);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function describe(value: unknown): string {
  if (!(value instanceof Map)) return kindOf(value);
  const keys = [...value.keys()].slice(0, 8).map((key) => kindOf(key));
  return keys.length === 0 ? 'an empty dict' : `a dict of ${keys.join(', ')}`;
}
