// What turns prepared pixels into vectors that a measurement compares: the model, its float reference, and
// baselines alike.

import type { ImageBatch } from '../core/ports.ts';

export interface Extractor {
  /** Names what made the vectors: results of different keys are kept apart. A plain file name. */
  readonly key: string;
  /** What it gives for each image, and how many values. */
  readonly outputs: readonly { readonly name: string; readonly width: number }[];
  /** Float32 row-major [images, width], in the order of `outputs`. */
  run(batch: ImageBatch): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}

/** Values of one image over all outputs. */
export function valuesPerImage({ outputs }: Extractor): number {
  return outputs.reduce((sum, { width }) => sum + width, 0);
}
