// The embedder: encoded images → decode → preprocess → batch → engine → taps → descriptor. Written once
// over the ports; the Worker, the runner, the page and the tests all run this.

import type { CropBox } from './crop-box.ts';
import { normaliseL2, type Pool, poolMap } from './descriptors.ts';
import { ModelError } from './errors.ts';
import type { ImageLimits } from './image.ts';
import type { Engine, ImageBatch, ImageDecoder } from './ports.ts';
import { prepareImage } from './prepare-image.ts';
import type { PreprocessSizes } from './preprocess.ts';
import { releaseBytes } from './release-bytes.ts';
import type { Tap, TapOutputs } from './taps.ts';

/** One encoded image. */
export interface ImageSource {
  /** Gives the bytes when the image's turn has come; may fail for this image alone. */
  readonly read: () => Uint8Array | Promise<Uint8Array>;
  /** What lies outside is cut away before preprocessing; such an image is decoded at full size. */
  readonly crop?: CropBox | undefined;
}

/** What became of one image: its result, or why there is none. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** Milliseconds spent in each phase, over all images of the call. */
export interface EmbedTimes {
  decode: number;
  preprocess: number;
  backbone: number;
  head: number;
  descriptor: number;
}

export interface EmbedRun<T> {
  /** One per image, in order. */
  readonly outcomes: readonly Outcome<T>[];
  readonly times: Readonly<EmbedTimes>;
}

export interface Descriptor {
  readonly layer: Tap;
  /** Over the feature map; anything but `none` needs the layer `features`. */
  readonly pool: Pool;
  /** To Euclidean length 1. */
  readonly normalize: boolean;
}

export interface Embedder {
  /**
   * The taps of each image, [width of the tap] each. An image that cannot be read, decoded or
   * preprocessed has its error in its outcome and fails no other. Throws what the engine throws.
   */
  run(images: readonly ImageSource[], taps: readonly Tap[]): Promise<EmbedRun<TapOutputs>>;
  /** What `describe` makes of each image's taps, as `run`; its time is the run's `descriptor`. */
  embedWith<T>(
    images: readonly ImageSource[],
    taps: readonly Tap[],
    describe: (outputs: TapOutputs) => T,
  ): Promise<EmbedRun<T>>;
  /** The descriptor of each image, as `run`. */
  embed(images: readonly ImageSource[], descriptor: Descriptor): Promise<EmbedRun<Float32Array>>;
}

export interface EmbedderParts {
  readonly decoder: ImageDecoder;
  readonly engine: Engine;
  readonly sizes: PreprocessSizes;
  readonly limits: ImageLimits;
  /** Images decoded together and run as one batch; 1 where memory is short. */
  readonly batchSize: number;
  /** Milliseconds from any fixed point. */
  readonly now: () => number;
}

export function createEmbedder(parts: EmbedderParts): Embedder {
  const { engine, sizes, batchSize, now } = parts;

  const prepare = async ({ read, crop }: ImageSource, times: EmbedTimes): Promise<Outcome<ImageBatch>> => {
    const start = now();
    let decoded: number | undefined;
    try {
      const value = await prepareImage(await read(), crop, parts, () => {
        decoded = now();
      });
      return { value };
    } catch (error) {
      return { error };
    } finally {
      const end = now();
      times.decode += (decoded ?? end) - start;
      times.preprocess += end - (decoded ?? end);
    }
  };

  const run: Embedder['run'] = async (images, taps) => {
    const times: EmbedTimes = { decode: 0, preprocess: 0, backbone: 0, head: 0, descriptor: 0 };
    const outcomes: Outcome<TapOutputs>[] = [];
    for (let start = 0; start < images.length; start += batchSize) {
      const group = images.slice(start, start + batchSize);
      const prepared = await Promise.all(group.map((source) => prepare(source, times)));
      const good = prepared.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
      let outputs: TapOutputs = {};
      if (good.length > 0) {
        const batch = joinBatches(good, sizes.crop);
        const result = await engine.run(batch, taps);
        for (const { data } of [batch, ...good]) releaseBytes(data);
        times.backbone += result.times.backbone;
        times.head += result.times.head;
        outputs = result.outputs;
      }
      let next = 0;
      for (const outcome of prepared) {
        if ('error' in outcome) {
          outcomes.push(outcome);
        } else {
          outcomes.push({ value: rowOf(outputs, next, good.length) });
          next += 1;
        }
      }
    }
    return { outcomes, times };
  };

  const embedWith: Embedder['embedWith'] = async (images, taps, describeImage) => {
    const { outcomes, times } = await run(images, taps);
    const start = now();
    const described = outcomes.map((outcome) =>
      'error' in outcome ? outcome : { value: describeImage(outcome.value) },
    );
    return { outcomes: described, times: { ...times, descriptor: now() - start } };
  };

  return {
    run,
    embedWith,
    embed: (images, descriptor) =>
      embedWith(images, [descriptor.layer], (outputs) => describe(outputs, descriptor)),
  };
}

/** The descriptor of one image's taps. Throws ModelError when the layer is not among them. */
export function describe(outputs: TapOutputs, { layer, pool, normalize }: Descriptor): Float32Array {
  const tap = outputs[layer];
  if (tap === undefined) {
    throw new ModelError('engine_failed', `Expected the engine to give ${layer} but it did not.`);
  }
  const pooled = poolMap(tap, pool);
  return normalize ? normaliseL2(pooled) : pooled;
}

function joinBatches(batches: readonly ImageBatch[], size: number): ImageBatch {
  const [first, ...others] = batches;
  if (first !== undefined && others.length === 0) return first;
  const bytes = size * size * 3;
  const data = new Uint8Array(batches.length * bytes);
  batches.forEach((batch, index) => {
    data.set(batch.data, index * bytes);
  });
  return { images: batches.length, size, data };
}

/** The taps of image `row` out of a batch of `images`: views. */
export function rowOf(outputs: TapOutputs, row: number, images: number): TapOutputs {
  const result: TapOutputs = {};
  for (const [tap, values] of Object.entries(outputs) as [Tap, Float32Array][]) {
    const width = values.length / images;
    result[tap] = values.subarray(row * width, (row + 1) * width);
  }
  return result;
}
