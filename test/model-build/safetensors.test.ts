// .safetensors: headers that lie about lengths, types and places are refused with the tensor's name.

import { describe, expect, test } from 'vitest';
import type { TensorFile } from '../../core/tensor.ts';
import { openSource } from '../../model-build/open-weights.ts';
import { memorySource } from './memory-source.ts';
import { bytesOf, int64 } from './pickle-writer.ts';
import { floats } from './torch-writer.ts';

const SIX = floats(1, 2, 3, 4, 5, 6);

const file = (header: string, data: Uint8Array = SIX): Uint8Array =>
  bytesOf(int64(BigInt(new TextEncoder().encode(header).length)), header, data);

const entry = (changes: object = {}): string =>
  JSON.stringify({ w: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24], ...changes } });

const open = (bytes: Uint8Array): Promise<TensorFile> => openSource(memorySource(bytes, 'w.safetensors'));

describe('reads', () => {
  test.each<[string, string]>([
    ['a tensor', entry()],
    ['with metadata', `{"__metadata__":{"format":"pt"},${entry().slice(1)}`],
    ['with padding', `${entry()}     `],
    [
      'beside an empty tensor',
      `{"e":{"dtype":"F16","shape":[0,4],"data_offsets":[24,24]},${entry().slice(1)}`,
    ],
    ['beside a key that stands in it', entry({ w: 1, dtype: 'F32' })],
  ])('%s', async (_, header) => {
    expect([...(await (await open(file(header))).read('w'))]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('a scalar, in bfloat16', async () => {
    const header = entry({ dtype: 'BF16', shape: [], data_offsets: [0, 2] });
    const weights = await open(file(header, bytesOf(0xc0, 0x3f)));
    expect([...(await weights.read('w'))]).toEqual([1.5]);
  });
});

describe('refuses', () => {
  const two = (first: number[], second: number[]): string =>
    JSON.stringify({
      a: { dtype: 'F32', shape: [3], data_offsets: first },
      b: { dtype: 'F32', shape: [3], data_offsets: second },
    });
  test.each<[string, Uint8Array, RegExp]>([
    [
      'a header length of 2⁶³',
      bytesOf(int64(2n ** 63n - 1n), '{}'),
      /at most 16777216 bytes for the header .* 9223372036854775807/,
    ],
    [
      'a header past the end',
      bytesOf(int64(1000n), '{}'),
      /1000 bytes at byte 8 for the header .* the end of w\.safetensors/,
    ],
    ['a header that is no JSON', file('{"w":}'), /JSON for the header/],
    ['a header that is no UTF-8', bytesOf(int64(2n), '{', 0xff), /UTF-8 for the header/],
    ['brackets without end', file(`{"w":${'['.repeat(100_000)}`), /JSON for the header/],
    [
      'one name twice',
      file(`${entry().slice(0, -1)},${entry().slice(1)}`),
      /one entry in w\.safetensors for w .* twice/,
    ],
    [
      'one name twice, once escaped',
      file(`${entry().slice(0, -1)},${entry().slice(1).replace('"w"', '"\\u0077"')}`),
      /for w .* twice/,
    ],
    ['an entry that is no object', file('{"w":7}'), /a dtype of .* for w but found nothing/],
    ['an unknown type', file(entry({ dtype: 'F128' })), /a dtype of .* for w but found "F128"/],
    [
      'a type that every object has',
      file(entry({ dtype: 'toString' })),
      /a dtype of .* for w but found "toString"/,
    ],
    ['a negative size', file(entry({ shape: [-2, 3] })), /whole numbers as shape for w but found \[-2,3\]/],
    ['a size of 2⁶³', file(entry({ shape: [2 ** 63] })), /whole numbers as shape for w/],
    ['a product beyond 2⁵³', file(entry({ shape: [2 ** 40, 2 ** 40] })), /bytes for F32 .* for w/],
    ['nine dimensions', file(entry({ shape: Array(9).fill(1) })), /at most 8 whole numbers as shape for w/],
    [
      'a shape of another length',
      file(entry({ shape: [2, 2] })),
      /16 bytes for F32 \[2,2\] for w but found data_offsets \[0, 24\]/,
    ],
    ['no offsets', file(entry({ data_offsets: [0] })), /data_offsets \[begin, end\] for w but found \[0\]/],
    ['offsets the wrong way round', file(entry({ data_offsets: [24, 0] })), /24 bytes for F32 \[2,3\] for w/],
    [
      'a gap before the first',
      file(two([12, 24], [24, 36])),
      /byte 0 on, without gap or overlap, for a but found byte 12/,
    ],
    [
      'a gap between two',
      file(two([0, 12], [16, 28])),
      /byte 12 on, without gap or overlap, for b but found byte 16/,
    ],
    [
      'two at one place',
      file(two([0, 12], [0, 12])),
      /byte 12 on, without gap or overlap, for b but found byte 0/,
    ],
    [
      'two that overlap',
      file(two([0, 12], [8, 20])),
      /byte 12 on, without gap or overlap, for b but found byte 8/,
    ],
    [
      'data past the end',
      file(two([0, 12], [12, 24]), SIX.subarray(4)),
      /24 bytes of data for w\.safetensors but found 20/,
    ],
    ['bytes left over', file(entry(), bytesOf(SIX, 0)), /24 bytes of data for w\.safetensors but found 25/],
  ])('%s', async (_, bytes, message) => {
    await expect(open(bytes)).rejects.toMatchObject({
      name: 'InputError',
      code: 'invalid_weights',
      message: expect.stringMatching(message),
    });
  });

  test('every truncation', async () => {
    const whole = file(entry());
    for (let length = 0; length < whole.length; length += 1) {
      await expect(open(whole.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({
        name: 'InputError',
      });
    }
  });
});
