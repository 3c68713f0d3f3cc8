// The .npy format: vectors that `numpy.load` reads, in a dozen lines of header.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

import { InputError } from './errors.ts';

/** Version 1.0: the header's length is 16-bit, which a plain shape never outgrows. */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0] as const;
const PREFIX_BYTES = MAGIC.length + 2;
/** The data begins at a multiple of this, so that it can be mapped into memory. */
const ALIGNMENT = 64;

const DTYPES = {
  float32: { descr: '<f4', bytes: 4 },
  int8: { descr: '|i1', bytes: 1 },
  uint8: { descr: '|u1', bytes: 1 },
} as const;

export type NpyDtype = keyof typeof DTYPES;

export interface NpyArray {
  readonly dtype: NpyDtype;
  readonly shape: readonly number[];
  /** Row-major, little-endian. */
  readonly data: Uint8Array;
}

/** The file's bytes. Throws InputError when the data does not have the bytes its shape needs. */
export function encodeNpy({ dtype, shape, data }: NpyArray): Uint8Array {
  checkBytes(dtype, shape, data.length);
  const header = encodeNpyHeader(dtype, shape);
  const file = new Uint8Array(header.length + data.length);
  file.set(header);
  file.set(data, header.length);
  return file;
}

/** What stands before the data, for files that are written piece by piece. */
export function encodeNpyHeader(dtype: NpyDtype, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${DTYPES[dtype].descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const unpadded = PREFIX_BYTES + text.length + 1;
  const header = new Uint8Array(Math.ceil(unpadded / ALIGNMENT) * ALIGNMENT).fill(0x20);
  header.set(MAGIC);
  new DataView(header.buffer).setUint16(MAGIC.length, header.length - PREFIX_BYTES, true);
  header.set(ascii(text), PREFIX_BYTES);
  header[header.length - 1] = 0x0a;
  return header;
}

/**
 * Reads what `encodeNpy` and numpy (version 1.0, row-major, of the types above) write; `data` is a view
 * into the file. Throws InputError('invalid_file') for anything else.
 */
export function decodeNpy(file: Uint8Array): NpyArray {
  if (file.length < PREFIX_BYTES || MAGIC.some((byte, index) => file[index] !== byte)) {
    throw invalid('the magic bytes of a .npy file, version 1.0', 'other bytes');
  }
  const start = PREFIX_BYTES + ((file[MAGIC.length] ?? 0) | ((file[MAGIC.length + 1] ?? 0) << 8));
  if (start > file.length) throw invalid(`a header of ${start} bytes`, `a file of ${file.length}`);
  const header = String.fromCharCode(...file.subarray(PREFIX_BYTES, start));
  const [, descr = '', order = '', sides = ''] =
    /^\{'descr': '([^']{1,8})', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\),? *\}\s*$/.exec(
      header,
    ) ?? [];
  const dtype = (Object.keys(DTYPES) as NpyDtype[]).find((name) => DTYPES[name].descr === descr);
  if (dtype === undefined || order !== 'False') {
    throw invalid(
      "row-major '<f4', '|i1' or '|u1'",
      `'${descr}' in header ${JSON.stringify(header.slice(0, 100))}`,
    );
  }
  const shape = sides
    .split(',')
    .filter((side) => side.trim() !== '')
    .map(Number);
  const data = file.subarray(start);
  checkBytes(dtype, shape, data.length);
  return { dtype, shape, data };
}

function checkBytes(dtype: NpyDtype, shape: readonly number[], found: number): void {
  const expected = shape.reduce((product, side) => product * side, DTYPES[dtype].bytes);
  if (expected !== found) throw invalid(`${expected} bytes for ${dtype} [${shape.join(', ')}]`, `${found}`);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function invalid(expected: string, found: string): InputError {
  return new InputError('invalid_file', `Expected ${expected} in the .npy file but found ${found}.`);
}
