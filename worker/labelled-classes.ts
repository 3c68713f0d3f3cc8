// Scores → labelled classes, as /v1/classify and /v1/analyze answer them.

import { topClasses } from '../core/classification.ts';
import { InputError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import type { LabelledClass } from './schemas/answer.ts';

/**
 * The `count` most probable classes; the label is null where the model has no names for them. What taught a
 * class stands beside it, where the manifest tells.
 */
export function labelledClasses(
  scores: Float32Array,
  count: number,
  { labels, classes }: Pick<Manifest, 'labels' | 'classes'>,
): LabelledClass[] {
  return topClasses(scores, count).map((ranked) => {
    const known = classes?.[ranked.class];
    const label = labels[ranked.class] ?? null;
    return known === undefined
      ? { label, ...ranked }
      : { label, ...ranked, id: known.id, trained_with: known.trainedWith };
  });
}

/** How many classes where nobody said. */
const DEFAULT_COUNT = 5;

/** Throws InputError('invalid_option') when more classes are asked for than there are. */
export function topCount(asked: number | undefined, { network }: Manifest): number {
  const { outputDim } = network;
  if (asked === undefined) return Math.min(DEFAULT_COUNT, outputDim);
  if (asked <= outputDim) return asked;
  throw new InputError(
    'invalid_option',
    `Expected 1 to ${outputDim} for top_k but found ${asked}: the model has no more classes.`,
    { param: 'top_k' },
  );
}
