// Whether an alias may move to the new index: everything that speaks against it, for people to read.

import type { Comparison } from '../search/compare-indexes.ts';
import { percent } from './quantity.ts';
import type { ReindexState } from './reindex-state.ts';

export interface VerdictParts {
  readonly state: ReindexState;
  /** Items that each index holds. */
  readonly before: number;
  readonly after: number;
  /** Undefined where there was nothing to compare. */
  readonly comparison: Comparison | undefined;
  /** Lowest mean overlap of the nearest, 0…1. */
  readonly minOverlap: number;
  readonly allowMissing: boolean;
}

/** Empty where it passes. */
export function objections(parts: VerdictParts): string[] {
  const { state, before, after, comparison, minOverlap, allowMissing } = parts;
  const found: string[] = [];
  const done = state.position - state.failed;
  if (after < done) {
    found.push(`'${state.after}' holds ${after} items, but ${done} went into it.`);
  }
  const missing = before - state.known;
  if (missing > 0 && !allowMissing) {
    found.push(
      `${missing} of the ${before} items of '${state.before}' are not in ${state.source}: they would be gone. Allow it with --allow-missing.`,
    );
  }
  if (before > 0 && state.known > 0 && comparison === undefined) {
    found.push('no item of both indexes was there to compare them by.');
  }
  if (comparison !== undefined && comparison.overlap.mean < minOverlap) {
    found.push(
      `on average ${percent(comparison.overlap.mean, 1)} of the ${comparison.topK} nearest are the same, fewer than ${percent(minOverlap, 1)} (--min-overlap).`,
    );
  }
  return found;
}
