// A store that holds so many indexes, and so many aliases, and no more: whoever has a key could otherwise
// create them without end.

import { InputError } from '../core/errors.ts';
import { createTurns } from '../core/turns.ts';
import type { VectorStore } from '../core/vector-store.ts';

/**
 * The store, in which an index or an alias beyond `max` throws InputError('too_many_indexes'). Exact within one
 * isolate or process; of those that create at the same moment elsewhere each may add one more.
 */
export function limitIndexes(store: VectorStore, max: number): VectorStore {
  const inTurn = createTurns();
  return {
    ...store,
    create: (name, space) =>
      inTurn(async () => {
        if (!(await exists(store, name))) refuseBeyond(max, (await store.names()).length, 'indexes');
        return store.create(name, space);
      }),
    setAlias: (alias, name) =>
      inTurn(async () => {
        const aliases = await store.aliases();
        if (!aliases.some((known) => known.alias === alias)) refuseBeyond(max, aliases.length, 'aliases');
        return store.setAlias(alias, name);
      }),
  };
}

function refuseBeyond(max: number, held: number, what: string): void {
  if (held < max) return;
  throw new InputError(
    'too_many_indexes',
    `Expected fewer than ${max} ${what} but found ${held}. Delete one, or ask the operator to raise MAX_INDEXES.`,
    { param: 'name' },
  );
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
