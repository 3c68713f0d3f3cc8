// Vectors that a caller brings along, made elsewhere: numbers or base64, and the space that they are of.

import { base64ToFloat32 } from '../core/encodings.ts';
import { InputError } from '../core/errors.ts';
import type { VectorSpace } from '../core/vector-store.ts';

/** Throws InputError for base64 that is none; `param` names it. */
export function toVector(vector: number[] | string | undefined, param: string): Float32Array {
  if (Array.isArray(vector)) return Float32Array.from(vector);
  return base64ToFloat32(vector ?? '', param);
}

/** Throws InputError: without its space nobody can tell whether a vector compares. */
export function requiredSpace(space: VectorSpace | undefined): VectorSpace {
  if (space !== undefined) return space;
  throw new InputError(
    'invalid_option',
    'Expected the space of the vectors (model, preprocess, layer, pool, projection, dimensions) but found none. GET the index to see its own.',
    { param: 'space' },
  );
}

/** Nothing is ignored. */
export function superfluousSpace(beside: string): InputError {
  return new InputError(
    'invalid_option',
    `Expected no space beside ${beside} but found one: it is that of vectors made elsewhere.`,
    { param: 'space' },
  );
}

export function oneOf(names: string, where: string, param: string): InputError {
  return new InputError('invalid_option', `Expected exactly one of ${names} in ${where}.`, { param });
}
