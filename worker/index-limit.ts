// A store that holds so many indexes and no more: whoever has a key could otherwise create them without end.

import { InputError } from '../core/errors.ts';
import { createTurns } from '../core/turns.ts';
import type { VectorStore } from '../core/vector-store.ts';

/**
 * The store, in which creating an index beyond `max` throws InputError('too_many_indexes'). Exact within one
 * isolate or process; of those that create at the same moment elsewhere each may add one more.
 */
export function limitIndexes(store: VectorStore, max: number): VectorStore {
  const inTurn = createTurns();
  return {
    ...store,
    create: (name, space) =>
      inTurn(async () => {
        if (!(await exists(store, name))) {
          const held = (await store.list()).length;
          if (held >= max) {
            throw new InputError(
              'too_many_indexes',
              `Expected fewer than ${max} indexes but found ${held}. Delete one, or ask the operator to raise MAX_INDEXES.`,
              { param: 'name' },
            );
          }
        }
        return store.create(name, space);
      }),
  };
}

/** A name that none may have exists nowhere: the store says so when it is to create it. */
async function exists(store: VectorStore, name: string): Promise<boolean> {
  try {
    await store.open(name);
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}
