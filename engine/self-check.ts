// Whether an engine computes what it should: GPUs, their drivers and integer instructions have given wrong
// numbers and NaN without any error, so a new one is compared with our kernel before it answers anybody.

import { cosine } from '../core/cosine.ts';
import { ModelError } from '../core/errors.ts';
import type { Engine, ImageBatch } from '../core/ports.ts';
import type { Tap, TapOutputs } from '../core/taps.ts';

/**
 * On the pictures below, int8 and float32 taps of the default model have a cosine of 0.9997 and more; what
 * is broken is far off (padding on the wrong side, fp16 overflow).
 */
export const MIN_COSINE = 0.99;

/** The engine's features of one fixed picture of `crop` × `crop`. Throws what the engine throws. */
export async function checkFeatures(engine: Engine, crop: number): Promise<Float32Array> {
  const { outputs } = await engine.run({ images: 1, size: crop, data: waves(crop, 0) }, ['features']);
  return outputs.features ?? new Float32Array();
}

/** The cosine of both engines' features of that picture; NaN when they have other values than numbers. */
export async function featuresCosine(reference: Engine, candidate: Engine, crop: number): Promise<number> {
  return cosine(await checkFeatures(reference, crop), await checkFeatures(candidate, crop));
}

/** What our kernel gives for the check's pictures: plain data, which other threads and processes can take. */
export interface ExpectedTaps {
  /** Side of the pictures in pixels. */
  readonly crop: number;
  readonly taps: readonly Tap[];
  readonly outputs: TapOutputs;
}

/** `reference` is an engine that is exact. Throws what it throws. */
export async function expectedTaps(
  reference: Engine,
  crop: number,
  taps: readonly Tap[],
): Promise<ExpectedTaps> {
  const { outputs } = await reference.run(pictures(crop, ALL), taps);
  return { crop, taps, outputs };
}

/**
 * int8 has to give the same bits as our kernel: instructions that saturate differ from it in a few levels
 * only, which no cosine shows. Floats have to give vectors of nearly the same direction, and each picture of
 * a batch its own. Returns the agreement in words; throws ModelError('engine_failed') for wrong numbers, and
 * what the engine throws.
 */
export async function checkEngine(candidate: Engine, expected: ExpectedTaps): Promise<string> {
  const { crop, taps, outputs: exact } = expected;
  const images = candidate.precision === 'int8' ? ALL : STEADY;
  const { outputs: found } = await candidate.run(pictures(crop, images), taps);
  let least = 1;
  for (const tap of taps) {
    const values = found[tap] ?? new Float32Array();
    const all = exact[tap] ?? new Float32Array();
    const width = all.length / ALL;
    const wanted = all.subarray(0, images * width);
    if (values.length !== wanted.length) {
      throw wrong(`Expected ${wanted.length} values for ${tap} but found ${values.length}.`);
    }
    if (candidate.precision === 'int8') checkEqual(tap, wanted, values);
    else least = Math.min(least, leastCosine(tap, images, wanted, values));
  }
  return candidate.precision === 'int8'
    ? 'the same bits as the edge'
    : `cosine ${least.toFixed(5)} with int8`;
}

function checkEqual(tap: Tap, wanted: Float32Array, found: Float32Array): void {
  const differing = wanted.reduce((sum, value, index) => sum + Number(value !== found[index]), 0);
  if (differing === 0) return;
  throw wrong(
    `Expected the bits of our exact kernel for ${tap} but ${differing} of ${wanted.length} values differ, as where int8 products saturate.`,
  );
}

function leastCosine(tap: Tap, images: number, wanted: Float32Array, found: Float32Array): number {
  const width = wanted.length / images;
  const cosines = Array.from({ length: images }, (_, image) => {
    const row = (values: Float32Array) => values.subarray(image * width, (image + 1) * width);
    return cosine(row(wanted), row(found));
  });
  // A comparison that is true for NaN too.
  const low = cosines.find((value) => !(value >= MIN_COSINE));
  if (low === undefined) return Math.min(...cosines);
  throw wrong(`Expected a cosine ≥ ${MIN_COSINE} with our exact kernel for ${tap} but found ${low}.`);
}

function wrong(message: string): ModelError {
  return new ModelError('engine_failed', message);
}

/**
 * Two pictures of waves; then one of noise, whose large values are what saturates. Floats are not asked for
 * the noise: what no photo looks like may leave the range that int8 was calibrated for.
 */
const STEADY = 2;
const ALL = 3;

function pictures(crop: number, images: number): ImageBatch {
  const parts = [waves(crop, 0), waves(crop, 5), noise(crop)].slice(0, images);
  const data = new Uint8Array(images * crop * crop * 3);
  parts.forEach((part, index) => {
    data.set(part, index * part.length);
  });
  return { images, size: crop, data };
}

/** Smooth waves of different lengths in red, green and blue: features of every size, all of them steady. */
function waves(crop: number, longer: number): Uint8Array {
  const data = new Uint8Array(crop * crop * 3);
  for (let index = 0; index < data.length; index += 1) {
    const channel = index % 3;
    const pixel = Math.floor(index / 3);
    const down = Math.sin(Math.floor(pixel / crop) / (9 + 3 * channel + longer));
    const across = Math.cos((pixel % crop) / (13 - 2 * channel + longer));
    data[index] = 127 + 100 * down * across;
  }
  return data;
}

/** Black and white, from a linear congruential generator. */
function noise(crop: number): Uint8Array {
  let state = 1;
  return new Uint8Array(crop * crop * 3).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 31 === 0 ? 0 : 255;
  });
}
