// Items that are known to be broken when they are listed: a row without a path, a folder that cannot be
// read. They are listed all the same, and fail with their reason when they are read, so that none is lost.

import { InputError } from '../../core/errors.ts';
import type { SourceItem } from '../ports.ts';
import { toItemId } from './item-id.ts';

/** No path and no URL begins like this. */
const MARK = 'broken:';

export function brokenItem(name: string, reason: string): SourceItem {
  return { id: toItemId(name), location: `${MARK}${reason}`, metadata: {} };
}

/** Where the item lies, for people: of a broken one, what its reason names. */
export function placeOf({ id, location }: SourceItem): string {
  return location.startsWith(MARK) ? id : location;
}

/** Throws the InputError of a broken item. */
export function refuseBroken({ location }: SourceItem): void {
  if (location.startsWith(MARK)) throw new InputError('invalid_file', location.slice(MARK.length));
}
