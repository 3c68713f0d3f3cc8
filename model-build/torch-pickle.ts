// What a pickle of PyTorch may contain: tensors as views of storages, ordered dicts, nothing else.
// Forms: torch/_utils.py and torch/serialization.py, 0.1 to 2.x. Nothing here reads tensor data.

import type { InputError } from '../core/errors.ts';
import { invalidWeights } from './invalid-weights.ts';
import { kindOf, type PickleGlobal, type PickleVocabulary } from './pickle-machine.ts';

/** A run of elements of one type in the file, which tensors are views of. */
export class TorchStorage {
  /** `float32`, `int64`, … */
  readonly dtype: string;
  /** Bytes per element. */
  readonly itemSize: number;
  /** Its name within the file. */
  readonly key: string;
  /** Elements of the whole storage. */
  readonly elements: number;
  /** The part of it that is meant, elements (files before PyTorch 0.4 have storages that view others). */
  readonly viewStart: number;
  readonly viewElements: number;

  constructor(type: StorageType, key: string, elements: number, viewStart = 0, viewElements = elements) {
    this.dtype = type.dtype;
    this.itemSize = type.itemSize;
    this.key = key;
    this.elements = elements;
    this.viewStart = viewStart;
    this.viewElements = viewElements;
  }
}

/** A tensor as pickled. Its numbers are checked where its name is known, in torch-file.ts. */
export class TorchTensor {
  readonly storage: unknown;
  readonly offset: unknown;
  readonly shape: unknown;
  readonly strides: unknown;

  constructor(storage: unknown, offset: unknown, shape: unknown, strides: unknown) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

interface StorageType extends PickleGlobal {
  readonly dtype: string;
  readonly itemSize: number;
}

/** Name of the class, element type, bytes per element. */
const STORAGE_TYPES: readonly (readonly [string, string, number])[] = [
  ['Float', 'float32', 4],
  ['Half', 'float16', 2],
  ['BFloat16', 'bfloat16', 2],
  ['Double', 'float64', 8],
  ['Long', 'int64', 8],
  ['Int', 'int32', 4],
  ['Short', 'int16', 2],
  ['Char', 'int8', 1],
  ['Byte', 'uint8', 1],
  ['Bool', 'bool', 1],
];

const STORAGE_GLOBALS: ReadonlyMap<string, StorageType> = new Map(
  STORAGE_TYPES.flatMap(([type, dtype, itemSize]) =>
    ['torch', 'torch.cuda'].map((module) => {
      const name = `${module}.${type}Storage`;
      return [name, { name, call: null, dtype, itemSize }] as const;
    }),
  ),
);

const FUNCTIONS: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
  'collections.OrderedDict': ([pairs]) => orderedDict(pairs),
  'collections.Counter': ([counts]) => (counts instanceof Map ? counts : new Map()),
  'torch.Size': ([sizes]) => sizes,
  'torch.device': ([type]) => type,
  'torch._utils._rebuild_tensor': rebuildTensor,
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_parameter': ([tensor]) => tensor,
  'torch.nn.parameter.Parameter': ([tensor]) => tensor,
};

const GLOBALS: ReadonlyMap<string, PickleGlobal> = new Map<string, PickleGlobal>([
  ...STORAGE_GLOBALS,
  ...Object.entries(FUNCTIONS).map(([name, call]): [string, PickleGlobal] => [name, { name, call }]),
]);

/** The vocabulary of PyTorch's files. `storages` collects every storage met, by key. */
export function torchVocabulary(storages: Map<string, TorchStorage>): PickleVocabulary {
  return {
    globals: GLOBALS,
    persistentLoad(id) {
      const storage = readStorage(id);
      const known = storages.get(storage.key);
      if (known === undefined) storages.set(storage.key, storage);
      else if (known.itemSize !== storage.itemSize || known.elements !== storage.elements) {
        throw invalid(
          `the ${known.elements} elements of ${known.dtype} that storage '${known.key}' has elsewhere`,
          `${storage.elements} of ${storage.dtype}`,
        );
      }
      return storage;
    },
    build(instance) {
      // Attributes of a dict (`_metadata`: module versions) and of a parameter (gradient flags, hooks).
      if (instance instanceof Map || instance instanceof TorchTensor) return;
      throw invalid('attributes of a dict or a tensor only', `attributes of ${kindOf(instance)}`);
    },
  };
}

function rebuildTensor([storage, offset, shape, strides]: readonly unknown[]): TorchTensor {
  return new TorchTensor(storage, offset, shape, strides);
}

function orderedDict(pairs: unknown): Map<unknown, unknown> {
  const dict = new Map<unknown, unknown>();
  if (pairs === undefined) return dict;
  if (!Array.isArray(pairs)) throw invalid('a list of pairs for collections.OrderedDict', kindOf(pairs));
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) throw invalid('a pair of key and value', kindOf(pair));
    dict.set(pair[0], pair[1]);
  }
  return dict;
}

/** ('storage', type, key, location, elements[, (key, start, elements) of a view]) */
function readStorage(id: unknown): TorchStorage {
  if (!Array.isArray(id)) throw invalid('a tuple that describes a storage', kindOf(id));
  const [kind, type, key, , elements, view] = id;
  if (kind !== 'storage') throw invalid("'storage' as the kind of a persistent object", kindOf(kind));
  const storageType = [...STORAGE_GLOBALS.values()].find((known) => known === type);
  if (storageType === undefined) throw invalid('a storage type such as torch.FloatStorage', kindOf(type));
  if (typeof key !== 'string') throw invalid('a text as the key of a storage', kindOf(key));
  if (!isCount(elements)) throw invalid(`a number of elements for storage '${key}'`, kindOf(elements));
  if (view === undefined || view === null) return new TorchStorage(storageType, key, elements);
  const [, start, viewElements] = Array.isArray(view) ? view : [];
  if (!isCount(start) || !isCount(viewElements) || start + viewElements > elements) {
    throw invalid(`a view within the ${elements} elements of storage '${key}'`, kindOf(view));
  }
  return new TorchStorage(storageType, key, elements, start, viewElements);
}

/** Whether it counts something: a safe integer ≥ 0. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function invalid(expected: string, found: string): InputError {
  return invalidWeights('an object in the pickle', expected, found);
}
