// Seeded images for calibrating when no photos are given: smooth noise of several sizes as in nature,
// a gradient, and shapes with sharp edges. Good enough for seeded weights; photos are better for real ones.

import type { ImageBatch } from '../core/ports.ts';
import { createRandom } from './random.ts';

/** Sides of the noise grids, coarse to fine; each has half the contrast of the one before. */
const GRIDS = [2, 4, 8, 16, 32, 64];

/** Filled rectangles per image. */
const SHAPES = 6;

/** uint8 RGB [images, size, size, 3]; the same seed gives the same bytes. */
export function syntheticImages(images: number, size: number, seed: number): ImageBatch {
  const data = new Uint8Array(images * size * size * 3);
  for (let index = 0; index < images; index += 1) {
    const random = createRandom(seed * 65_536 + index);
    paint(random, size, data.subarray(index * size * size * 3, (index + 1) * size * size * 3));
  }
  return { images, size, data };
}

function paint(random: () => number, size: number, pixels: Uint8Array): void {
  const values = new Float64Array(pixels.length);
  const brightness = [0, 1, 2].map(() => 60 + 135 * random());
  const slope = [0, 1, 2].map(() => [random() - 0.5, random() - 0.5] as const);
  const contrast = 30 + 90 * random();
  for (let index = 0; index < values.length; index += 1) {
    const channel = index % 3;
    const x = (Math.floor(index / 3) % size) / size;
    const y = Math.floor(index / (3 * size)) / size;
    const [across, down] = slope[channel] ?? [0, 0];
    values[index] = (brightness[channel] ?? 0) + 120 * (across * (x - 0.5) + down * (y - 0.5));
  }
  GRIDS.forEach((side, octave) => {
    addNoise(random, values, size, side, contrast / 2 ** octave);
  });
  for (let shape = 0; shape < SHAPES; shape += 1) fillRectangle(random, values, size);
  values.forEach((value, index) => {
    pixels[index] = Math.min(Math.max(Math.round(value), 0), 255);
  });
}

/** Bilinear noise: a grid of side × side cells whose corners are random, partly the same in all channels. */
function addNoise(
  random: () => number,
  values: Float64Array,
  size: number,
  side: number,
  contrast: number,
): void {
  const corners = side + 1;
  const grid = new Float64Array(corners * corners * 3);
  for (let corner = 0; corner < corners * corners; corner += 1) {
    const grey = 2 * random() - 1;
    for (let channel = 0; channel < 3; channel += 1) {
      grid[corner * 3 + channel] = contrast * (0.7 * grey + 0.3 * (2 * random() - 1));
    }
  }
  const corner = (row: number, column: number, channel: number) =>
    grid[(row * corners + column) * 3 + channel] ?? 0;
  for (let index = 0; index < values.length; index += 1) {
    const channel = index % 3;
    const x = ((Math.floor(index / 3) % size) * side) / size;
    const y = (Math.floor(index / (3 * size)) * side) / size;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [right, below] = [x - column, y - row];
    const above = corner(row, column, channel) * (1 - right) + corner(row, column + 1, channel) * right;
    const under =
      corner(row + 1, column, channel) * (1 - right) + corner(row + 1, column + 1, channel) * right;
    values[index] = (values[index] ?? 0) + above * (1 - below) + under * below;
  }
}

function fillRectangle(random: () => number, values: Float64Array, size: number): void {
  const side = () => Math.floor(random() * size);
  const [left, top] = [side(), side()];
  const right = Math.min(left + 1 + Math.floor(random() * size * 0.4), size);
  const bottom = Math.min(top + 1 + Math.floor(random() * size * 0.4), size);
  const colour = [0, 1, 2].map(() => 255 * random());
  for (let y = top; y < bottom; y += 1) {
    for (let index = (y * size + left) * 3; index < (y * size + right) * 3; index += 1) {
      values[index] = colour[index % 3] ?? 0;
    }
  }
}
