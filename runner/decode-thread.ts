// A thread of the decode pool: encoded bytes → the crop for the network, and the hash of the bytes.

import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { CropBox } from '../core/crop-box.ts';
import type { ImageLimits } from '../core/image.ts';
import { prepareImage } from '../core/prepare-image.ts';
import type { PreprocessSizes } from '../core/preprocess.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { describeFailure, type Failure } from './failure.ts';

/** What a thread is told once. */
export interface DecodeSettings {
  readonly sizes: PreprocessSizes;
  readonly limits: ImageLimits;
  readonly crop?: CropBox | undefined;
}

export interface PreparedImage {
  /** uint8 RGB [crop, crop, 3]. */
  readonly pixels: Uint8Array;
  /** Of the encoded bytes, lower-case hex. */
  readonly sha256: string;
}

/** What a thread answers; `milliseconds` is the time it was busy. */
export type DecodeAnswer = { readonly milliseconds: number } & (
  | { readonly image: PreparedImage }
  | { readonly failure: Failure }
);

const { sizes, limits, crop }: DecodeSettings = workerData;
const decoder = await createNodeDecoder();

parentPort?.on('message', async (bytes: Uint8Array) => {
  const start = performance.now();
  try {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const { data } = await prepareImage(bytes, crop, { decoder, sizes, limits });
    const image = { pixels: data, sha256 };
    answer({ image, milliseconds: performance.now() - start }, [data.buffer as ArrayBuffer]);
  } catch (error) {
    answer({ failure: describeFailure(error), milliseconds: performance.now() - start }, []);
  }
});

function answer(message: DecodeAnswer, transfer: ArrayBuffer[]): void {
  parentPort?.postMessage(message, transfer);
}
