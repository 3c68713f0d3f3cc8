import { expect, test } from 'vitest';
import { hsvHistograms } from '../../eval/hsv-histogram.ts';

/** A square of 2×2 pixels in one colour. */
function square(...colour: readonly number[]) {
  return { images: 1, size: 2, data: Uint8Array.from([...colour, ...colour, ...colour, ...colour]) };
}

/** (hue × 4 + saturation) × 4 + value, of 16, 4 and 4 steps. */
test.each([
  ['black', [0, 0, 0], 0],
  ['white', [255, 255, 255], 3],
  ['middle grey', [128, 128, 128], 2],
  ['red', [255, 0, 0], 15],
  ['yellow: a sixth of the circle', [255, 255, 0], 2 * 16 + 15],
  ['green: a third', [0, 255, 0], 5 * 16 + 15],
  ['blue: two thirds', [0, 0, 255], 10 * 16 + 15],
  ['a red towards blue: the last step of the circle', [255, 0, 10], 15 * 16 + 15],
  ['pale dark red', [100, 60, 60], (0 * 4 + 1) * 4 + 1],
] as const)('%s', (_name, colour, bin) => {
  const histogram = hsvHistograms(square(...colour));
  expect(histogram).toHaveLength(256);
  expect([...histogram].flatMap((value, index) => (value > 0 ? [[index, value]] : []))).toEqual([[bin, 1]]);
});

test('square roots of shares: each image has length 1', () => {
  const data = Uint8Array.from([255, 0, 0, 0, 0, 255, 0, 0, 255, 0, 0, 255, ...square(0, 0, 0).data]);
  const histograms = hsvHistograms({ images: 2, size: 2, data });
  expect(histograms[15]).toBeCloseTo(0.5, 6);
  expect(histograms[10 * 16 + 15]).toBeCloseTo(Math.sqrt(0.75), 6);
  expect(histograms[256]).toBe(1);
});
