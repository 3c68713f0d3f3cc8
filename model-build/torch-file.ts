// Opens PyTorch's weight files (.pth, .pt): the zip format and the legacy one. Below open-weights.ts.
//   torch-zip / torch-legacy → torch-pickle → torch-state-dict → here: each view checked → tensor-values

import type { TensorFile, TensorInfo } from '../core/tensor.ts';
import { type ByteSource, isWithin } from './byte-source.ts';
import { invalidWeights } from './invalid-weights.ts';
import { kindOf } from './pickle-machine.ts';
import { tensorFile } from './tensor-file.ts';
import { ITEM_SIZE, type TensorLayout } from './tensor-values.ts';
import type { TorchArchive } from './torch-archive.ts';
import { readTorchLegacy } from './torch-legacy.ts';
import { isCount, TorchStorage, type TorchTensor } from './torch-pickle.ts';
import { findStateDict } from './torch-state-dict.ts';
import { readTorchZip } from './torch-zip.ts';

/** Above any layer's rank (convolutions have 4). */
const MAX_RANK = 8;

/**
 * Opens a zip archive (`zip` true) or legacy file of PyTorch, and checks every tensor's place in it.
 * Throws InputError `invalid_weights` naming the tensor.
 */
export async function openTorchFile(source: ByteSource, zip: boolean): Promise<TensorFile> {
  const archive = zip ? await readTorchZip(source) : await readTorchLegacy(source);
  const layouts = new Map<string, TensorLayout>();
  const skipped = new Map<string, string>();
  for (const [name, tensor] of findStateDict(archive.value, source.name)) {
    const { storage } = tensor;
    if (!(storage instanceof TorchStorage)) throw invalidWeights(name, 'a storage', kindOf(storage));
    if (isFloat(storage.dtype))
      layouts.set(name, await layOut(archive, name, tensor, storage, storage.dtype));
    else skipped.set(name, storage.dtype);
  }
  return tensorFile(archive.format, source, layouts, skipped);
}

async function layOut(
  archive: TorchArchive,
  name: string,
  tensor: TorchTensor,
  storage: TorchStorage,
  dtype: TensorInfo['dtype'],
): Promise<TensorLayout> {
  const shape = counts(name, 'shape', tensor.shape);
  const strides = counts(name, 'strides', tensor.strides);
  if (strides.length !== shape.length) {
    throw invalidWeights(name, `${shape.length} strides for shape [${shape}]`, `[${strides}]`);
  }
  const { offset } = tensor;
  if (!isCount(offset)) throw invalidWeights(name, 'an offset into its storage', kindOf(offset));
  const span = spanOf(name, shape, strides);
  if (!isWithin(offset, span, storage.viewElements)) {
    throw invalidWeights(
      name,
      `shape [${shape}] with strides [${strides}] at offset ${offset} within its storage`,
      `a storage of ${storage.viewElements} elements`,
    );
  }
  const range = await archive.locate(storage);
  if (range === undefined) throw invalidWeights(name, `storage '${storage.key}'`, 'none in the file');
  const length = storage.elements * ITEM_SIZE[dtype];
  if (!(length <= range.length)) {
    throw invalidWeights(name, `${length} bytes of storage '${storage.key}'`, `${range.length}`);
  }
  const position = range.position + (storage.viewStart + offset) * ITEM_SIZE[dtype];
  return { info: { name, shape, dtype }, position, strides };
}

/**
 * Elements from the first value to behind the last. Refuses strides by which two values would share
 * bytes: a tensor cannot hold more values than its file, so a small file cannot ask for much memory.
 */
function spanOf(name: string, shape: readonly number[], strides: readonly number[]): number {
  if (shape.includes(0)) return 0;
  const dimensions = shape
    .map((size, index) => ({ size, stride: strides[index] ?? 0 }))
    .filter(({ size }) => size > 1)
    .sort((a, b) => a.stride - b.stride);
  let span = 1;
  for (const { size, stride } of dimensions) {
    if (stride < span) {
      throw invalidWeights(name, 'values that do not overlap (tensor.contiguous())', `strides [${strides}]`);
    }
    span += (size - 1) * stride;
    if (!Number.isSafeInteger(span)) throw invalidWeights(name, 'a shape within the file', `[${shape}]`);
  }
  return span;
}

function counts(name: string, what: string, value: unknown): number[] {
  if (!Array.isArray(value) || value.length > MAX_RANK || !value.every(isCount)) {
    const found = Array.isArray(value) ? `[${value.slice(0, MAX_RANK + 1).map(kindOf)}]` : kindOf(value);
    throw invalidWeights(name, `at most ${MAX_RANK} whole numbers as ${what}`, found);
  }
  return [...value];
}

function isFloat(dtype: string): dtype is TensorInfo['dtype'] {
  return Object.hasOwn(ITEM_SIZE, dtype);
}
