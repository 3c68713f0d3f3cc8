// PyTorch's file before 1.6, in which torchvision's VGG weights are stored: five pickles (magic number,
// protocol, system, value, storage keys), then each storage as an int64 count and its elements
// (torch/serialization.py, _legacy_save).

import { type ByteSource, isWithin, readBytes } from './byte-source.ts';
import { invalidWeights } from './invalid-weights.ts';
import { readPickle } from './pickle.ts';
import { kindOf } from './pickle-machine.ts';
import type { StorageRange, TorchArchive } from './torch-archive.ts';
import { type TorchStorage, torchVocabulary } from './torch-pickle.ts';

const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;

/** The five pickles of a VGG have 20 kB together; a checkpoint with an optimizer's state twice that. */
const MAX_PICKLES_BYTES = 8 << 20;

/** Reads the structure of a legacy torch file. Throws InputError `invalid_weights`. */
export async function readTorchLegacy(source: ByteSource): Promise<TorchArchive> {
  const pickles = await readBytes(source, 0, Math.min(source.size, MAX_PICKLES_BYTES), 'pickles');
  const storages = new Map<string, TorchStorage>();
  const vocabulary = torchVocabulary(storages);
  let position = 0;
  const next = (): unknown => {
    const { value, end } = readPickle(pickles, position, source.name, vocabulary);
    position = end;
    return value;
  };
  // 1. The header
  const magic = next();
  if (magic !== MAGIC_NUMBER) {
    throw invalidWeights(source.name, "PyTorch's magic number", `${kindOf(magic)}: another kind of pickle`);
  }
  const protocol = next();
  if (protocol !== PROTOCOL_VERSION) {
    throw invalidWeights(source.name, `protocol ${PROTOCOL_VERSION}`, kindOf(protocol));
  }
  const system = next();
  if (!(system instanceof Map) || system.get('little_endian') !== true) {
    throw invalidWeights(source.name, 'little-endian numbers', kindOf(system));
  }
  // 2. The value, 3. the storages in the order of their keys
  const value = next();
  const keys = next();
  if (!Array.isArray(keys)) throw invalidWeights(source.name, 'a list of storage keys', kindOf(keys));
  const ranges = await readRanges(source, position, keys, storages);
  return { format: 'torch-legacy', value, locate: async (storage) => ranges.get(storage.key) };
}

async function readRanges(
  source: ByteSource,
  start: number,
  keys: readonly unknown[],
  storages: ReadonlyMap<string, TorchStorage>,
): Promise<ReadonlyMap<string, StorageRange>> {
  const ranges = new Map<string, StorageRange>();
  let position = start;
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined || ranges.has(storage.key)) {
      throw invalidWeights(source.name, 'the key of each storage once', kindOf(key));
    }
    const what = `storage '${storage.key}'`;
    const count = await readBytes(source, position, 8, `the length of ${what}`);
    const elements = new DataView(count.buffer).getBigInt64(0, true);
    if (elements !== BigInt(storage.elements)) {
      throw invalidWeights(what, `${storage.elements} elements`, `${elements}`);
    }
    position += 8;
    const length = storage.elements * storage.itemSize;
    if (!isWithin(position, length, source.size)) {
      const found = `the end of ${source.name} at ${source.size}`;
      throw invalidWeights(what, `${length} bytes at byte ${position}`, found);
    }
    ranges.set(storage.key, { position, length });
    position += length;
  }
  return ranges;
}
