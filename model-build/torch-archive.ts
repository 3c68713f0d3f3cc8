// What the two formats of PyTorch's files have in common: an unpickled value and where storages lie.

import type { TorchStorage } from './torch-pickle.ts';

/** Bytes of one storage in the file. */
export interface StorageRange {
  readonly position: number;
  readonly length: number;
}

export interface TorchArchive {
  readonly format: 'torch-zip' | 'torch-legacy';
  /** What was given to torch.save: a state dict, or a checkpoint that holds one. */
  readonly value: unknown;
  /** Where a storage lies within the file; undefined when the file has none of that key. */
  locate(storage: TorchStorage): Promise<StorageRange | undefined>;
}
