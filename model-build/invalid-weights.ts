// The one form of the readers' errors. Names in it come from files: shown short, without control characters.

import { InputError } from '../core/errors.ts';

const MAX_SHOWN = 300;

/** "Expected X for WHAT but found Y." `what` is a tensor, a part of a file, or the file. */
export function invalidWeights(what: string, expected: string, found: string, cause?: unknown): InputError {
  const message = `Expected ${printable(expected)} for ${printable(what)} but found ${printable(found)}.`;
  return new InputError('invalid_weights', message, { param: what, cause });
}

/** A text from a file, as much of it as can be printed on a line. */
export function printable(text: string): string {
  const shown = text.slice(0, MAX_SHOWN).replace(/\p{C}/gu, '?');
  return text.length > MAX_SHOWN ? `${shown}…` : shown;
}
