// The baseline that a network must beat: how often each colour occurs in the crop, 16 hues × 4 saturations
// × 4 values (Smith 1978, "Color gamut transform pairs").

import type { ImageBatch } from '../core/ports.ts';
import type { Extractor } from './extractor.ts';

const HUES = 16;
const SATURATIONS = 4;
const VALUES = 4;
const BINS = HUES * SATURATIONS * VALUES;

export const HSV_HISTOGRAM: Extractor = {
  key: 'hsv-16x4x4',
  outputs: [{ name: 'histogram', width: BINS }],
  run: async (batch) => [hsvHistograms(batch)],
  close: async () => {},
};

/**
 * [images, 256]: square roots of the shares, so that the cosine of two histograms is their Bhattacharyya
 * coefficient.
 */
export function hsvHistograms({ images, size, data }: ImageBatch): Float32Array {
  const histograms = new Float32Array(images * BINS);
  const pixels = size * size;
  for (let image = 0; image < images; image += 1) {
    const counts = histograms.subarray(image * BINS, (image + 1) * BINS);
    for (let pixel = image * pixels; pixel < (image + 1) * pixels; pixel += 1) {
      const bin = binOf(data[pixel * 3] ?? 0, data[pixel * 3 + 1] ?? 0, data[pixel * 3 + 2] ?? 0);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    counts.forEach((count, bin) => {
      counts[bin] = Math.sqrt(count / pixels);
    });
  }
  return histograms;
}

/** Hue, saturation and value in 0…1, cut into equal steps; a colour without saturation has hue 0. */
function binOf(red: number, green: number, blue: number): number {
  const largest = Math.max(red, green, blue);
  const range = largest - Math.min(red, green, blue);
  const saturation = largest === 0 ? 0 : range / largest;
  return (
    (step(hueOf(red, green, blue, largest, range), HUES) * SATURATIONS + step(saturation, SATURATIONS)) *
      VALUES +
    step(largest / 255, VALUES)
  );
}

function hueOf(red: number, green: number, blue: number, largest: number, range: number): number {
  if (range === 0) return 0;
  const sixths =
    largest === red
      ? (green - blue) / range
      : largest === green
        ? 2 + (blue - red) / range
        : 4 + (red - green) / range;
  return (sixths < 0 ? sixths + 6 : sixths) / 6;
}

function step(share: number, steps: number): number {
  return Math.min(steps - 1, Math.floor(share * steps));
}
