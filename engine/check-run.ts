// What every engine asks of a run before it computes.

import { ModelError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import type { ImageBatch } from '../core/ports.ts';
import type { Tap } from '../core/taps.ts';

/** Throws ModelError unless the batch has the model's crop and all of its bytes, and the model has the taps. */
export function checkRun({ images, size, data }: ImageBatch, taps: readonly Tap[], manifest: Manifest): void {
  const { crop } = manifest.preprocess;
  if (size !== crop || data.length !== images * crop * crop * 3) {
    throw new ModelError(
      'engine_failed',
      `Expected images × ${crop} × ${crop} × 3 bytes for a batch but found ${data.length} for ${images} images of side ${size}.`,
    );
  }
  const unknown = taps.find((tap) => !manifest.taps.some(({ name }) => name === tap));
  if (unknown !== undefined) {
    throw new ModelError('engine_failed', `Expected a tap of ${manifest.name} but found ${unknown}.`);
  }
}

/** What a run of an engine throws that is in use no more. */
export function disposedOf(): ModelError {
  return new ModelError('engine_failed', 'Expected an engine in use but it was disposed of.');
}
