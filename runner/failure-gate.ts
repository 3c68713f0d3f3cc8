// Stops a run gone wrong: a bucket without permission, a list of paths that moved.

import { InputError } from '../core/errors.ts';
import type { FailedItem } from './failure.ts';

/** A rate says little about fewer items. */
const ENOUGH = 100;

export interface FailureGate {
  /** Throws InputError once more than the allowed share of what has ended has failed. */
  count(items: number, failed: number, latest?: FailedItem): void;
  /** The same at the end, however few there are. */
  conclude(): void;
}

/** `maxRate` 0…1: 1 never stops. */
export function createFailureGate(maxRate: number): FailureGate {
  let items = 0;
  let failed = 0;
  let latest: FailedItem | undefined;
  const check = (): void => {
    if (failed <= items * maxRate) return;
    const example = latest === undefined ? '' : ` The latest: ${latest.id}: ${latest.reason}`;
    throw new InputError(
      'invalid_image',
      `Expected at most ${Number((maxRate * 100).toFixed(6))} % of the inputs to fail but ${failed} of ${items} did.${example} Mend what is wrong and give the same command with --retry-failed, or allow more with --max-failure-rate.`,
      { param: 'max-failure-rate' },
    );
  };
  return {
    count(more, failures, failure) {
      items += more;
      failed += failures;
      latest = failure ?? latest;
      if (items >= ENOUGH) check();
    },
    conclude: check,
  };
}
