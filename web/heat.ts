// Feature maps and vectors as pictures.

import { MAP_SIDE } from './backend.ts';

const CELLS = MAP_SIDE * MAP_SIDE;

/** One channel of [channels, 7, 7]. */
export function channelMap(features: Float32Array, channel: number): Float32Array {
  return features.subarray(channel * CELLS, (channel + 1) * CELLS);
}

export function meanMap(features: Float32Array): Float32Array {
  const channels = features.length / CELLS;
  const mean = new Float32Array(CELLS);
  features.forEach((value, index) => {
    mean[index % CELLS] = (mean[index % CELLS] ?? 0) + value / channels;
  });
  return mean;
}

export function channelCount(features: Float32Array): number {
  return features.length / CELLS;
}

/** Channels by falling largest activation. */
export function strongestChannels(features: Float32Array): number[] {
  const peaks = Array.from({ length: channelCount(features) }, (_, channel) =>
    channelMap(features, channel).reduce((peak, value) => Math.max(peak, value), 0),
  );
  return peaks.map((_, channel) => channel).toSorted((a, b) => (peaks[b] ?? 0) - (peaks[a] ?? 0));
}

/** Over the photograph: dark and dense where nothing is active, yellow and clear where most is. */
export function drawHeat(canvas: HTMLCanvasElement, map: Float32Array): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const pixels = context.createImageData(MAP_SIDE, MAP_SIDE);
  const [least, most] = extent(map);
  map.forEach((value, cell) => {
    const heat = most === least ? 0 : (value - least) / (most - least);
    pixels.data.set([...colourOf(heat), 150 - 70 * heat], cell * 4);
  });
  context.putImageData(pixels, 0, 0);
}

/** One stripe per value. */
export function drawStripes(canvas: HTMLCanvasElement, vector: Float32Array): void {
  canvas.width = vector.length;
  canvas.height = 1;
  const context = canvas.getContext('2d');
  if (context === null) return;
  const pixels = context.createImageData(vector.length, 1);
  const [least, most] = extent(vector);
  vector.forEach((value, index) => {
    const heat = most === least ? 0 : (value - least) / (most - least);
    // The square root: most values are small, and would all look the same.
    pixels.data.set([...colourOf(Math.sqrt(heat)), 255], index * 4);
  });
  context.putImageData(pixels, 0, 0);
}

function extent(values: Float32Array): [least: number, most: number] {
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [least, most];
}

/** 0…1 → dark blue … yellow, of rising lightness. */
function colourOf(heat: number): [red: number, green: number, blue: number] {
  return [30 + 225 * heat, 20 + 210 * heat ** 1.5, 90 * (1 - heat) + 30];
}
