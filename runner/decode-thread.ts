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

export interface DecodeTask {
  readonly bytes: Uint8Array;
  /** Where the crop goes, uint8 RGB [crop, crop, 3], in shared memory: it is not copied between threads. */
  readonly pixels: Uint8Array<SharedArrayBuffer>;
}

/** `sha256` of the encoded bytes, lower-case hex. */
export type DecodeOutcome = { readonly sha256: string } | { readonly failure: Failure };

/** What a thread answers; `milliseconds` is the time it was busy. */
export type DecodeAnswer = { readonly milliseconds: number; readonly outcome: DecodeOutcome };

const { sizes, limits, crop }: DecodeSettings = workerData;
const decoder = await createNodeDecoder();

parentPort?.on('message', async (task: DecodeTask) => {
  const start = performance.now();
  const outcome = await decode(task);
  const answer: DecodeAnswer = { outcome, milliseconds: performance.now() - start };
  parentPort?.postMessage(answer);
});

async function decode({ bytes, pixels }: DecodeTask): Promise<DecodeOutcome> {
  try {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const { data } = await prepareImage(bytes, crop, { decoder, sizes, limits });
    pixels.set(data);
    return { sha256 };
  } catch (error) {
    return { failure: describeFailure(error) };
  }
}
