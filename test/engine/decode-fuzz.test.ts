// Seeded damage to real images: the answer is an image or an InputError, and the same in every runtime.

import { describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import type { ImageDecoder } from '../../core/ports.ts';
import { createEdgeDecoder } from '../../engine/edge/decode.ts';
import { createNodeDecoder } from '../../engine/node/decode.ts';
import { noise } from '../core/noise.ts';
import { LIMITS } from './decode-contract.ts';
import { readGolden } from './golden-images.ts';
import { decoderModules } from './modules.ts';

const ROUNDS = Number(process.env.FUZZ_ROUNDS ?? 40);

const FILES = [
  'trailing-bytes.jpg',
  'orientation-6.jpg',
  'grey.jpg',
  'progressive-444.jpg',
  'cmyk.jpg',
  'grey-16.png',
  'palette-alpha.png',
  'rgba-8-interlaced.png',
  'exif-6.png',
  'lossy.webp',
  'alpha-lossless.webp',
  'exif-6.webp',
];

/**
 * What became of the bytes: a size or an error. Not the pixels: where damage drives a codec's arithmetic out
 * of range, its SIMD and its plain versions saturate differently.
 */
async function outcome(decoder: ImageDecoder, bytes: Uint8Array): Promise<string> {
  try {
    const { width, height, data, release } = await decoder.decode(bytes, LIMITS, 20);
    expect(data).toHaveLength(width * height * 3);
    release?.();
    return `${width}×${height}`;
  } catch (error) {
    if (error instanceof InputError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

/** Flips, overwrites, cuts, drops and doubles bytes, most of them near the start, where headers are. */
function damage(original: Uint8Array, seed: number): Uint8Array {
  const random = noise(64, seed);
  let next = 0;
  const below = (limit: number): number => {
    const value = ((random[next] ?? 0) << 16) | ((random[next + 1] ?? 0) << 8) | (random[next + 2] ?? 0);
    next += 3;
    return limit === 0 ? 0 : value % limit;
  };
  const position = (): number => below(below(2) === 0 ? Math.min(original.length, 64) : original.length);
  let bytes = original.slice();
  for (let change = below(3); change >= 0; change -= 1) {
    const at = position() % Math.max(bytes.length, 1);
    switch (below(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        bytes[at] = below(256);
        break;
      case 2:
        bytes.set([0xff, 0xff, 0xff, 0xff].slice(0, bytes.length - at), at);
        break;
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + below(8))]);
        break;
      default:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(below(at + 1))]);
    }
  }
  return bytes;
}

describe('damaged images', async () => {
  const edge = createEdgeDecoder(decoderModules());
  const node = await createNodeDecoder();
  test.each(FILES)(`%s, ${ROUNDS} times`, async (file) => {
    const original = readGolden(file);
    const untouched = readGolden(file.replace(/.*\./, '1x1.'));
    const expected = (await edge.decode(untouched, LIMITS)).data.slice();
    for (let seed = 1; seed <= ROUNDS; seed += 1) {
      const bytes = damage(original, seed);
      expect(await outcome(node, bytes), `seed ${seed}`).toBe(await outcome(edge, bytes));
      const after = await edge.decode(untouched, LIMITS);
      expect(after.data, `after seed ${seed}`).toEqual(expected);
      after.release?.();
    }
  });
});
