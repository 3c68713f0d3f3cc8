// The images of a build: some to calibrate with, others, kept apart, to say what the result is worth.

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { IMAGE_ENDINGS, LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import type { ImageBatch, ImageDecoder } from '../core/ports.ts';
import { prepareImage } from '../core/prepare-image.ts';
import type { InputContract } from './network.ts';
import { syntheticImages } from './synthetic-images.ts';

export interface ImageSets {
  readonly calibration: ImageBatch;
  /** Never calibrated with. */
  readonly heldOut: ImageBatch;
  /** For the manifest: what they are. */
  readonly description: Readonly<Record<string, string | number>>;
  /** Files left out, each with the reason. */
  readonly skipped: readonly string[];
}

export interface PhotoOptions {
  /** Every n-th photo that can be decoded, in order of name, is held out; ≥ 2. */
  readonly holdOutEvery: number;
  readonly decoder: ImageDecoder;
  readonly progress: (done: number, total: number) => void;
}

/** One in so many calibration images is kept from the histograms and used to choose by. */
const CHOOSE_BY_EVERY = 4;

const SYNTHETIC = { calibration: 16, heldOut: 8 };

/**
 * The photos of a folder (not of folders inside it) that can be decoded, in order of name, as every runtime
 * prepares them. Throws InputError when there are fewer than `holdOutEvery`.
 */
export async function photoSets(
  folder: string,
  input: InputContract,
  { holdOutEvery, decoder, progress }: PhotoOptions,
): Promise<ImageSets> {
  const files = await imageFiles(folder);
  const hash = createHash('sha256');
  const kept: { readonly calibration: Uint8Array[]; readonly heldOut: Uint8Array[] } = {
    calibration: [],
    heldOut: [],
  };
  const skipped: string[] = [];
  const parts = { decoder, sizes: input, limits: LOCAL_IMAGE_LIMITS };
  for (const [index, file] of files.entries()) {
    progress(index, files.length);
    try {
      const bytes = await readFile(join(folder, file));
      const { data } = await prepareImage(bytes, undefined, parts);
      hash.update(bytes);
      const position = kept.calibration.length + kept.heldOut.length;
      (position % holdOutEvery === holdOutEvery - 1 ? kept.heldOut : kept.calibration).push(data);
    } catch (error) {
      skipped.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  progress(files.length, files.length);
  if (kept.calibration.length === 0 || kept.heldOut.length === 0) {
    throw new InputError(
      'invalid_argument',
      `Expected at least ${holdOutEvery} photos that can be decoded in ${folder} (some to calibrate with, some to check the result) but found ${kept.calibration.length + kept.heldOut.length}.${skipped.length > 0 ? ` ${skipped[0]}` : ''}`,
      { param: 'calibration' },
    );
  }
  return {
    calibration: joinImages(kept.calibration, input.crop),
    heldOut: joinImages(kept.heldOut, input.crop),
    description: {
      kind: 'photos',
      calibration: kept.calibration.length,
      heldOut: kept.heldOut.length,
      split: `one in ${holdOutEvery} in order of file name is held out`,
      skipped: skipped.length,
      sha256: hash.digest('hex'),
    },
    skipped,
  };
}

async function imageFiles(folder: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    throw new InputError(
      'not_found',
      `Expected a folder of photos at ${folder} but it cannot be read: ${String(cause)}.`,
      { param: 'calibration', cause },
    );
  }
  const files = names.filter((name) => IMAGE_ENDINGS.test(name)).sort();
  if (files.length === 0) {
    throw new InputError(
      'invalid_argument',
      `Expected photos (.jpg, .png, .webp) in ${folder} but found none among ${names.length} files.`,
      { param: 'calibration' },
    );
  }
  return files;
}

/** Seeded images where no photos are given; the manifest says so. */
export function syntheticSets({ crop }: InputContract): ImageSets {
  return {
    calibration: syntheticImages(SYNTHETIC.calibration, crop, 1),
    heldOut: syntheticImages(SYNTHETIC.heldOut, crop, 2),
    description: { kind: 'synthetic', ...SYNTHETIC },
    skipped: [],
  };
}

function joinImages(images: readonly Uint8Array[], size: number): ImageBatch {
  const data = new Uint8Array(images.length * size * size * 3);
  images.forEach((image, index) => {
    data.set(image, index * size * size * 3);
  });
  return { images: images.length, size, data };
}

/** Consecutive batches of at most `images` images, as views. */
export function* inBatches(batch: ImageBatch, images = 8): Generator<ImageBatch> {
  const bytes = batch.size * batch.size * 3;
  for (let start = 0; start < batch.images; start += images) {
    const end = Math.min(start + images, batch.images);
    yield {
      images: end - start,
      size: batch.size,
      data: batch.data.subarray(start * bytes, end * bytes),
    };
  }
}

/** Most images to measure with, some to choose by; a few serve for both. */
export function splitImages(images: ImageBatch): { measured: ImageBatch; chosenBy: ImageBatch } {
  const every = [...inBatches(images, 1)];
  const isChosenBy = (index: number) => index % CHOOSE_BY_EVERY === CHOOSE_BY_EVERY - 1;
  const measured = every.filter((_, index) => !isChosenBy(index));
  const chosenBy = every.filter((_, index) => isChosenBy(index));
  return {
    measured: joinImages(
      measured.map(({ data }) => data),
      images.size,
    ),
    chosenBy: joinImages(
      (chosenBy.length > 0 ? chosenBy : measured).map(({ data }) => data),
      images.size,
    ),
  };
}
