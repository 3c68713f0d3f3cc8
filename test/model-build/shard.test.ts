import { describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { MAX_SHARD_BYTES } from '../../core/manifest.ts';
import { rowPieces } from '../../model-build/row-pieces.ts';
import { fillShards, shardBytes } from '../../model-build/shard.ts';

const tensor = (name: string, bytes: number) => ({
  name,
  type: 'int8' as const,
  shape: [bytes],
  bytes: new Uint8Array(bytes).fill(name.charCodeAt(0)),
});

describe('shards', () => {
  test('tensors follow one another at multiples of 64, gaps are zero', () => {
    const [shard] = fillShards([tensor('a', 65), tensor('b', 1)], 0);
    expect(shard?.placements.map(({ offset }) => offset)).toEqual([0, 128]);
    if (shard === undefined) throw new Error('no shard');
    const bytes = shardBytes(shard);
    expect(bytes).toHaveLength(129);
    expect([...bytes.subarray(64, 66), bytes[128]]).toEqual([97, 0, 98]);
  });

  test('a tensor that no longer fits opens the next shard, counted from the first number', () => {
    const shards = fillShards([tensor('a', MAX_SHARD_BYTES - 63), tensor('b', 1), tensor('c', 64)], 3);
    expect(shards.map(({ placements }) => placements.map(({ shard }) => shard))).toEqual([[3], [4, 4]]);
  });

  test('a tensor larger than a shard is refused by name', () => {
    const fill = () => fillShards([tensor('conv9.weight', MAX_SHARD_BYTES + 1)], 0);
    expect(fill).toThrow(InputError);
    expect(fill).toThrow(/conv9\.weight/);
  });
});

describe('matrices in pieces', () => {
  test.each([
    ['a small one stays whole', 4096, 256, 1, [4096]],
    ['fc6 in int8', 4096, 25_088, 1, [832, 832, 832, 832, 768]],
    ['fc7 in float32', 4096, 4096, 4, [1280, 1280, 1280, 256]],
  ])('%s', (_what, rows, columns, bytes, expected) => {
    const pieces = rowPieces('fc6', rows, columns, bytes);
    expect(pieces.map((piece) => piece.rows)).toEqual(expected);
    expect(pieces[0]?.name).toBe(expected.length === 1 ? 'fc6.weight' : 'fc6.weight.1');
  });

  test('rows too wide even for a block are refused', () => {
    expect(() => rowPieces('fc6', 4096, 1 << 20, 4)).toThrow(/64 rows of fc6/);
  });
});
