// The first nodes of the network's graph (cast, ÷ 255, − mean, ÷ deviation, quantise) for every value a
// pixel can have, bit for bit: each step rounded to float32, in the graph's order (model-build/graph-input.ts).

import type { Manifest } from '../../core/manifest.ts';

/** int16 [3 channels][256]: level − zero point. */
export function pixelTable({ preprocess, convolutions }: Manifest): Int16Array {
  const { scale, zeroPoint } = convolutions[0]?.input ?? { scale: 1, zeroPoint: 0 };
  const levelScale = Math.fround(scale);
  return Int16Array.from({ length: 3 * 256 }, (_, index) => {
    const channel = index >> 8;
    const mean = Math.fround(preprocess.mean[channel] ?? 0);
    const deviation = Math.fround(preprocess.deviation[channel] ?? 1);
    const unit = Math.fround((index & 255) / 255);
    const normalised = Math.fround(Math.fround(unit - mean) / deviation);
    const level = roundHalfEven(Math.fround(normalised / levelScale));
    return Math.min(Math.max(level, -zeroPoint), 255 - zeroPoint);
  });
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor + (floor & 1);
  return rest < 0.5 ? floor : floor + 1;
}
