// A weight file as core/tensor.ts describes it, over layouts that a reader has checked.

import type { TensorFile } from '../core/tensor.ts';
import type { ByteSource } from './byte-source.ts';
import { invalidWeights } from './invalid-weights.ts';
import { readValues, type TensorLayout } from './tensor-values.ts';

export function tensorFile(
  format: TensorFile['format'],
  source: ByteSource,
  layouts: ReadonlyMap<string, TensorLayout>,
  skipped: ReadonlyMap<string, string>,
): TensorFile {
  return {
    format,
    tensors: new Map([...layouts].map(([name, { info }]) => [name, info])),
    skipped,
    async read(name) {
      const layout = layouts.get(name);
      if (layout !== undefined) return readValues(source, layout);
      const dtype = skipped.get(name);
      throw invalidWeights(name, 'a tensor of floats', dtype === undefined ? 'none of that name' : dtype);
    },
    close: () => source.close(),
  };
}
