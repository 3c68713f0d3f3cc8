// .npy files: byte for byte what numpy 1.24 writes (`np.save`), and only those are read.

import { describe, expect, test } from 'vitest';
import { decodeNpy, encodeNpy, type NpyArray } from '../../core/npy.ts';

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
const float32 = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

/** `python3 -c "import numpy as np; np.save(…)"`, in base64. */
const GOLDENS: readonly [NpyArray, string][] = [
  [
    { dtype: 'float32', shape: [2, 3], data: float32(0, 0.25, 0.5, 0.75, 1, 1.25) },
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPgAAAD8AAEA/AACAPwAAoD8=',
  ],
  [
    { dtype: 'int8', shape: [3], data: new Uint8Array([129, 0, 5]) },
    'k05VTVBZAQB2AHsnZGVzY3InOiAnfGkxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqBAAU=',
  ],
  [
    { dtype: 'uint8', shape: [1, 2], data: new Uint8Array([1, 255]) },
    'k05VTVBZAQB2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoB/w==',
  ],
  [
    { dtype: 'float32', shape: [0, 4], data: new Uint8Array(0) },
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDAsIDQpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo=',
  ],
];

describe.each(GOLDENS)('%o', (array, golden) => {
  test('is written as numpy writes it', () => {
    expect(Buffer.from(encodeNpy(array)).toString('base64')).toBe(golden);
  });

  test('is read back', () => {
    expect(decodeNpy(bytesOf(golden))).toEqual(array);
  });
});

test('data that does not fill its shape is not written', () => {
  expect(() => encodeNpy({ dtype: 'float32', shape: [2, 2], data: new Uint8Array(15) })).toThrow(
    'Expected 16 bytes for float32 [2, 2] in the .npy file but found 15',
  );
});

describe('is refused:', () => {
  const [, golden] = GOLDENS[0] ?? [];
  const good = bytesOf(golden ?? '');
  const withHeader = (change: (header: string) => string) => {
    const header = change(new TextDecoder('latin1').decode(good.subarray(10, 128)));
    const file = new Uint8Array(good);
    file.set(new TextEncoder().encode(header.slice(0, 118)), 10);
    return file;
  };
  const changed = (index: number, value: number) => {
    const file = new Uint8Array(good);
    file[index] = value;
    return file;
  };

  test.each([
    ['nothing', new Uint8Array(0)],
    ['another magic', changed(0, 0)],
    ['version 2', changed(6, 2)],
    ['a header beyond the file', changed(9, 0xff)],
    ['data cut short', good.subarray(0, good.length - 1)],
    ['data left over', new Uint8Array([...good, 0])],
    ['column-major order', withHeader((header) => header.replace('False', 'True '))],
    ['big-endian values', withHeader((header) => header.replace('<f4', '>f4'))],
    ['Python objects', withHeader((header) => header.replace('<f4', '|O '))],
    ['a negative side', withHeader((header) => header.replace('(2, 3)', '(-2,3)'))],
    ['a shape that overflows', withHeader((header) => header.replace('(2, 3), }   ', '(9999999999)'))],
    ['code in the header', withHeader((header) => header.replace('(2, 3)', 'exit()'))],
  ])('%s', (_, file) => {
    expect(() => decodeNpy(file)).toThrow(/^Expected .* in the \.npy file but found/);
  });
});
