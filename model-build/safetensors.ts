// Opens .safetensors: an 8-byte length, a JSON header {name: {dtype, shape, data_offsets}}, the bytes.
// Format: https://github.com/huggingface/safetensors#format. Below open-weights.ts.

import type { TensorFile } from '../core/tensor.ts';
import { type ByteSource, isWithin, readBytes } from './byte-source.ts';
import { invalidWeights } from './invalid-weights.ts';
import { repeatedKey } from './json-keys.ts';
import { tensorFile } from './tensor-file.ts';
import { contiguousStrides, elementsOf, type FloatType, type TensorLayout } from './tensor-values.ts';

/** Headers have 100 bytes per tensor; the format itself allows 100 MB. */
export const MAX_HEADER_BYTES = 16 << 20;
const LENGTH_BYTES = 8;
const MAX_RANK = 8;

const FLOAT_TYPES: Readonly<Record<string, FloatType>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

const ITEM_SIZE: Readonly<Record<string, number>> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1 },
  ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
};

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes from the start of the data. */
  readonly begin: number;
  readonly end: number;
}

/**
 * Opens a safetensors file and checks that its tensors cover the data without gap or overlap.
 * Throws InputError `invalid_weights` naming the tensor.
 */
export async function openSafetensors(source: ByteSource): Promise<TensorFile> {
  const header = await readHeader(source);
  const dataStart = LENGTH_BYTES + header.length;
  const entries = parseHeader(source, header.text).map(([name, entry]) => checkEntry(name, entry));
  checkCoverage(source, entries, source.size - dataStart);

  const layouts = new Map<string, TensorLayout>();
  const skipped = new Map<string, string>();
  for (const { name, dtype, shape, begin } of entries) {
    const float = FLOAT_TYPES[dtype];
    if (float === undefined) {
      skipped.set(name, dtype);
      continue;
    }
    const info = { name, shape, dtype: float };
    layouts.set(name, { info, position: dataStart + begin, strides: contiguousStrides(shape) });
  }
  return tensorFile('safetensors', source, layouts, skipped);
}

async function readHeader(source: ByteSource): Promise<{ length: number; text: string }> {
  const prefix = await readBytes(source, 0, LENGTH_BYTES, "the header's length");
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw invalidWeights('the header', `at most ${MAX_HEADER_BYTES} bytes`, `a length of ${length}`);
  }
  const bytes = await readBytes(source, LENGTH_BYTES, Number(length), 'the header');
  try {
    return { length: bytes.length, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (cause) {
    throw invalidWeights('the header', 'UTF-8', 'other bytes', cause);
  }
}

function parseHeader(source: ByteSource, text: string): [string, unknown][] {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw invalidWeights('the header', 'JSON', cause instanceof Error ? cause.message : 'none', cause);
  }
  if (!isRecord(header)) throw invalidWeights('the header', 'a JSON object', 'another value');
  const repeated = repeatedKey(text);
  if (repeated !== undefined) {
    throw invalidWeights(repeated, `one entry in ${source.name}`, 'the same name twice');
  }
  return Object.entries(header).filter(([name]) => name !== '__metadata__');
}

function checkEntry(name: string, entry: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = isRecord(entry) ? entry : {};
  const itemSize =
    typeof dtype === 'string' && Object.hasOwn(ITEM_SIZE, dtype) ? ITEM_SIZE[dtype] : undefined;
  if (typeof dtype !== 'string' || itemSize === undefined) {
    throw invalidWeights(name, `a dtype of ${Object.keys(ITEM_SIZE).join(', ')}`, shown(dtype));
  }
  if (!isCounts(shape) || shape.length > MAX_RANK) {
    throw invalidWeights(name, `at most ${MAX_RANK} whole numbers as shape`, shown(shape));
  }
  const [begin, end] = isCounts(offsets) && offsets.length === 2 ? offsets : [];
  if (begin === undefined || end === undefined) {
    throw invalidWeights(name, 'data_offsets [begin, end]', shown(offsets));
  }
  const length = elementsOf(shape) * itemSize;
  if (!isWithin(begin, length, end) || begin + length !== end) {
    throw invalidWeights(name, `${length} bytes for ${dtype} [${shape}]`, `data_offsets [${begin}, ${end}]`);
  }
  return { name, dtype, shape, begin, end };
}

function checkCoverage(source: ByteSource, entries: readonly Entry[], dataBytes: number): void {
  let covered = 0;
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      throw invalidWeights(name, `data from byte ${covered} on, without gap or overlap,`, `byte ${begin}`);
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw invalidWeights(
      source.name,
      `${covered} bytes of data`,
      `${dataBytes}: it is truncated or has bytes left over`,
    );
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
