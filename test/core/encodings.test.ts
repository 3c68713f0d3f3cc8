import { describe, expect, test } from 'vitest';
import {
  base64ToFloat32,
  float32ToBase64,
  float32ToNumbers,
  fromBase64,
  toBase64,
  toHex,
} from '../../core/encodings.ts';
import { noise } from './noise.ts';

const LENGTHS = [0, 1, 2, 3, 4, 5, 57, 0x8000 - 1, 0x8000 + 1, 100_000];

describe('base64', () => {
  test.each(LENGTHS)('%i bytes are written as Buffer writes them, and read back', (length) => {
    const bytes = noise(length, length + 1);
    const text = toBase64(bytes);
    expect(text).toBe(Buffer.from(bytes).toString('base64'));
    expect(Buffer.compare(fromBase64(text, 'x'), bytes)).toBe(0);
  });

  test.each([
    ['without padding', 'AP8'],
    ['URL-safe', '_-8', 'ff ef'],
    ['with line breaks', 'A\r\nP8=\n', '00 ff'],
    ['empty', '', ''],
  ])('%s is read', (_, text, expected = '00 ff') => {
    const hex = Array.from(fromBase64(text, 'x'), (byte) => byte.toString(16).padStart(2, '0'));
    expect(hex.join(' ')).toBe(expected);
  });

  test.each([
    ['AA!A', '"!" at position 2'],
    ['A=AA', '"=" at position 1'],
    ['AAÀA', '"À" at position 2'],
    ['AA€A', '"€" at position 2'],
    ['{"image"', '"{" at position 0'],
    ['x', 'one that ends'],
    ['AAAAA===', '"=" at position 5'],
    ['AAAAA==', 'one that ends'],
  ])('%s is refused by what is wrong with it', (text, found) => {
    expect(() => fromBase64(text, 'input[3]')).toThrow(`Expected base64 for input[3] but found ${found}`);
  });
});

describe('float32', () => {
  const values = Float32Array.of(0, -0, 1, 0.1, 1 / 3, 1e-45, 3.4028235e38, -1.17549435e-38, 16777217);

  test('is little-endian in base64', () => {
    const decoded = Buffer.from(float32ToBase64(values), 'base64');
    expect(Array.from(values, (_, index) => decoded.readFloatLE(index * 4))).toEqual(Array.from(values));
  });

  test('of a view is only what the view shows', () => {
    expect(float32ToBase64(values.subarray(2, 3))).toBe(float32ToBase64(Float32Array.of(1)));
  });

  test('as numbers comes back as the same float32, and prints short', () => {
    const random = new Float32Array(noise(40_000, 9).buffer).filter(Number.isFinite);
    for (const list of [values, random]) {
      const parsed = Float32Array.from(JSON.parse(JSON.stringify(float32ToNumbers(list))) as number[]);
      expect(Array.from(parsed, (value) => value + 0)).toEqual(Array.from(list, (value) => value + 0));
    }
    expect(JSON.stringify(float32ToNumbers(Float32Array.of(0.5, 0.1)))).toBe('[0.5,0.100000001]');
  });

  test('as numbers has nine digits, whatever its size', () => {
    const random = new Float32Array(noise(40_000, 10).buffer);
    const decades = Array.from({ length: 77 }, (_, at) => Number(`1e${at - 38}`));
    const powersOfTwo = Array.from({ length: 60 }, (_, at) => -(2 ** (at - 30)));
    const list = Float32Array.from([...values, ...random, ...decades, ...powersOfTwo]);
    const printed = Array.from(list, (value) => Number(value.toPrecision(9)));
    expect(float32ToNumbers(list)).toEqual(printed);
  });
});

test('float32 goes through base64 unchanged, and what is no float32 is refused by name', () => {
  const values = Float32Array.of(0, -1.5, 3.4e38, 1e-45);
  expect(base64ToFloat32(float32ToBase64(values), 'vector')).toEqual(values);
  expect(() => base64ToFloat32('AAAAAAA=', 'vector')).toThrow('4 bytes each, for vector but found 5 bytes');
});

test('hex has two lower-case digits for each byte', () => {
  expect(toHex(Uint8Array.of(0, 9, 171, 255))).toBe('0009abff');
});
