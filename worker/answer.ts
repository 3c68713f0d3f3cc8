// What all answers about images have in common: the model, the times, and a list in which what worked
// stands beside what did not.

import type { EmbedTimes, Outcome } from '../core/embedder.ts';
import { listErrors } from './error-response.ts';
import type { ItemError } from './schemas/answer.ts';
import type { ServedModel } from './served-model.ts';

interface ModelFacts {
  readonly model: string;
  readonly preprocess: string;
  readonly engine: string;
  /** Only where the weights are random. */
  readonly untrained?: true;
}

export const MODEL_HEADER = 'x-model-id';

/** Facts of the model that stand in every answer: vectors of different models never mix unnoticed. */
export function modelFacts({ id, manifest, engine }: ServedModel): ModelFacts {
  return {
    model: id,
    preprocess: manifest.preprocess.name,
    engine: engine.name,
    ...(manifest.trained ? {} : { untrained: true }),
  };
}

/** The error of each image at its place; undefined where it worked. */
export function errorsOf(outcomes: readonly Outcome<unknown>[]): unknown[] {
  return outcomes.map((outcome) => ('error' in outcome ? outcome.error : undefined));
}

/**
 * `data` for the images that worked, each with its `index`, and `errors` for those that did not.
 * Throws an AggregateError of them when none worked.
 */
export function listOutcomes<T, Item extends object>(
  outcomes: readonly Outcome<T>[],
  render: (value: T) => Item,
): { data: (Item & { index: number })[]; errors?: ItemError[] } {
  const data = outcomes.flatMap((outcome, index) =>
    'value' in outcome ? [{ ...render(outcome.value), index }] : [],
  );
  const failures = errorsOf(outcomes);
  if (data.length === 0) throw new AggregateError(failures);
  return data.length === outcomes.length ? { data } : { data, errors: listErrors(failures) };
}

/** `Server-Timing` (W3C): milliseconds of each phase. */
export function serverTiming(times: Readonly<EmbedTimes>, waited: number): string {
  return Object.entries({ queue: waited, ...times })
    .map(([phase, duration]) => `${phase};dur=${duration.toFixed(1)}`)
    .join(', ');
}
