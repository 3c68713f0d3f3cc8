import { expect, test } from 'vitest';
import { checkedExtractor } from '../../eval/checked-extractor.ts';
import type { Extractor } from '../../eval/extractor.ts';

/** Doubles the first sample of each image; counts the images. */
function doubling(error = 0): Extractor & { images: number } {
  const extractor = {
    key: 'doubling',
    outputs: [{ name: 'double', width: 1 }],
    images: 0,
    run: async ({ images, data }: Parameters<Extractor['run']>[0]) => {
      extractor.images += images;
      return [Float32Array.from({ length: images }, (_, image) => 2 * (data[image * 3] ?? 0) + error)];
    },
    close: async () => {},
  };
  return extractor;
}

const batch = { images: 3, size: 1, data: Uint8Array.of(1, 0, 0, 2, 0, 0, 3, 0, 0) };

test('the fast one does the rest once it gave the same for four photographs', async () => {
  const [exact, fast] = [doubling(), doubling()];
  const checked = checkedExtractor(exact, fast);
  for (let round = 0; round < 4; round += 1)
    expect(await checked.run(batch)).toEqual([Float32Array.of(2, 4, 6)]);
  expect([exact.images, fast.images]).toEqual([4, 12]);
});

test('one wrong value, and the exact one does all', async () => {
  const [exact, fast] = [doubling(), doubling(1e-6)];
  const checked = checkedExtractor(exact, fast);
  for (let round = 0; round < 3; round += 1)
    expect(await checked.run(batch)).toEqual([Float32Array.of(2, 4, 6)]);
  expect(fast.images).toBe(3);
});
