// Scores → labelled classes, as /v1/classify and /v1/analyze answer them.

import { topClasses } from '../core/classification.ts';
import { InputError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import type { LabelledClass } from './schemas/answer.ts';

/** The `count` most probable classes; the label is null where the model has no names for them. */
export function labelledClasses(scores: Float32Array, count: number, { labels }: Manifest): LabelledClass[] {
  return topClasses(scores, count).map((ranked) => ({ label: labels[ranked.class] ?? null, ...ranked }));
}

/** Throws InputError('invalid_option') when there are fewer classes than asked for. */
export function checkTopK(count: number, { network }: Manifest): void {
  if (count <= network.outputDim) return;
  throw new InputError(
    'invalid_option',
    `Expected 1 to ${network.outputDim} for top_k but found ${count}: the model has no more classes.`,
    { param: 'top_k' },
  );
}
