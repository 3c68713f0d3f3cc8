// Reads a tensor whose values all take part in the network: a NaN in one would be a NaN in every answer.

import type { TensorFile } from '../core/tensor.ts';
import { invalidWeights } from './invalid-weights.ts';

/** The values of `name`, row-major. Throws InputError naming the first that is not finite and its index. */
export async function readFinite(file: TensorFile, name: string): Promise<Float32Array> {
  const values = await file.read(name);
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) {
    const place = coordinates(index, file.tensors.get(name)?.shape ?? []).join(', ');
    throw invalidWeights(name, 'finite values', `${values[index]} at [${place}]`);
  }
  return values;
}

function coordinates(index: number, shape: readonly number[]): number[] {
  let rest = index;
  const reversed = shape.toReversed().map((size) => {
    const coordinate = rest % size;
    rest = (rest - coordinate) / size;
    return coordinate;
  });
  return reversed.reverse();
}
