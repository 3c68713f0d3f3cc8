// Memory that images share while they are decoded: who has to wait, in which order, and that nothing stays taken.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareImage } from '../../core/prepare-image.ts';
import { createDecodeRoom } from '../../engine/decode/decode-room.ts';
import { createNodeDecoder } from '../../engine/node/decode.ts';

/** Asks for so many bytes each, and tells who is inside. */
function visit(maxBytes: number, sizes: readonly number[]) {
  const enter = createDecodeRoom(maxBytes);
  const inside = new Set<number>();
  const leaves = sizes.map(async (bytes, visitor) => {
    const leave = await enter(bytes);
    inside.add(visitor);
    return () => {
      inside.delete(visitor);
      leave();
    };
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return {
    async inside() {
      await settled();
      return [...inside].toSorted((a, b) => a - b);
    },
    leave: async (visitor: number) => (await leaves[visitor])?.(),
  };
}

test('who finds room enters, the others as room is made', async () => {
  const { inside, leave } = visit(10, [4, 6, 1, 9]);
  expect(await inside()).toEqual([0, 1]);
  await leave(0);
  expect(await inside()).toEqual([1, 2]);
  await leave(1);
  expect(await inside()).toEqual([2, 3]);
});

test('nobody small overtakes who waits for much', async () => {
  const { inside, leave } = visit(10, [6, 8, 1]);
  expect(await inside()).toEqual([0]);
  await leave(0);
  expect(await inside()).toEqual([1, 2]);
});

test('what is larger than the room enters alone', async () => {
  const { inside, leave } = visit(10, [11, 1]);
  expect(await inside()).toEqual([0]);
  await leave(0);
  expect(await inside()).toEqual([1]);
});

test('leaving twice makes room once', async () => {
  const { inside, leave } = visit(10, [10, 10, 10]);
  await leave(0);
  await leave(0);
  expect(await inside()).toEqual([1]);
});

test('many images through a decoder with room for one are all answered, the broken ones too', async () => {
  const image = (name: string) => readFileSync(join(import.meta.dirname, '../golden/images', name));
  const pictures = ['rgb-8.png', 'truncated.jpg', 'lossy.webp', 'picture.gif'].map(image);
  const decoder = await createNodeDecoder(6 * 1024 * 1024, { isShared: true });
  const sizes = { resize: 256, crop: 224 };
  const limits = { maxBytes: 1e7, maxPixels: 1e7 };
  const outcomes = await Promise.allSettled(
    Array.from({ length: 24 }, (_, at) => {
      const bytes = pictures[at % pictures.length] ?? new Uint8Array();
      return prepareImage(bytes, undefined, { decoder, sizes, limits });
    }),
  );
  const worked = outcomes.map(({ status }) => status === 'fulfilled');
  expect(worked.slice(0, 4)).toEqual([true, false, true, false]);
  expect(worked).toEqual(outcomes.map((_, at) => worked[at % 4]));
});
