// Crop boxes: the pixels inside, or a refusal that tells the image's size.

import { describe, expect, test } from 'vitest';
import { type CropBox, cropImage } from '../../core/crop-box.ts';

/** 4×3 pixels; red is the column, green the row. */
const image = {
  width: 4,
  height: 3,
  data: Uint8Array.from({ length: 36 }, (_, index) => {
    const pixel = Math.floor(index / 3);
    return [pixel % 4, Math.floor(pixel / 4), 7][index % 3] ?? 0;
  }),
};
const box = (unit: CropBox['unit'], left: number, top: number, width: number, height: number): CropBox => ({
  unit,
  left,
  top,
  width,
  height,
});

describe('inside', () => {
  test.each([
    ['one pixel', box('pixels', 2, 1, 1, 1), 1, 1, [2, 1]],
    ['all of it', box('pixels', 0, 0, 4, 3), 4, 3, [0, 0]],
    ['a corner', box('pixels', 3, 1, 1, 2), 1, 2, [3, 1]],
    ['all, as fractions', box('fractions', 0, 0, 1, 1), 4, 3, [0, 0]],
    ['the right half', box('fractions', 0.5, 0, 0.5, 1), 2, 3, [2, 0]],
    ['edges round to pixels', box('fractions', 0.3, 0.3, 0.3, 0.3), 1, 1, [1, 1]],
    ['thirds that do not add up exactly', box('fractions', 0, 2 / 3, 1, 1 / 3), 4, 1, [0, 2]],
  ])('%s', (_, crop, width, height, [red, green]) => {
    const cropped = cropImage(image, crop);
    expect([cropped.width, cropped.height, cropped.data.length]).toEqual([width, height, width * height * 3]);
    expect([...cropped.data.subarray(0, 3)]).toEqual([red, green, 7]);
  });
});

test.each([
  ['left of the image', box('pixels', -1, 0, 2, 2)],
  ['beyond the right edge', box('pixels', 3, 0, 2, 1)],
  ['below', box('pixels', 0, 3, 1, 1)],
  ['empty', box('pixels', 1, 1, 0, 1)],
  ['turned inside out', box('pixels', 2, 1, -1, 1)],
  ['half pixels', box('pixels', 0.5, 0, 1, 1)],
  ['not a number', box('fractions', Number.NaN, 0, 1, 1)],
  ['beyond 1', box('fractions', 0.5, 0, 0.8, 1)],
  ['a fraction of nothing', box('fractions', 0.1, 0, 0.01, 1)],
  ['pixels meant as fractions', box('fractions', 0, 0, 4, 3)],
])('%s is refused', (_, crop) => {
  expect(() => cropImage(image, crop)).toThrow('inside the image of 4×3 pixels for crop');
});
