// Keeps the page's index what it should be: the photographs of the shelf go in, each once.

import { type Backend, ITEMS_AT_ONCE } from './backend.ts';
import type { Photo } from './photo.ts';
import type { PhotoShelf } from './photo-shelf.ts';

export interface IndexKeeper {
  /**
   * Adds what is missing; what was added in the browser goes to no server. Gives the ids that the index holds
   * then. Several calls at once add nothing twice.
   */
  fill(backend: Backend): Promise<ReadonlySet<string>>;
  /** What an index was known to hold is asked anew. */
  forget(): void;
  /** From every index that holds it, also one that was filled on an earlier visit. */
  remove(id: string): Promise<void>;
  /** Why photographs are not in an index, by id. */
  readonly refused: ReadonlyMap<string, string>;
}

export interface IndexKeeperOptions {
  readonly shelf: () => PhotoShelf;
  readonly backends: readonly Backend[];
  /** Whether photographs that must not leave the machine may go there. */
  readonly isPrivate: (backend: Backend) => boolean;
  readonly onProgress: (done: number, total: number) => void;
}

export function createIndexKeeper({
  shelf,
  backends,
  isPrivate,
  onProgress,
}: IndexKeeperOptions): IndexKeeper {
  const known = new Map<Backend, Set<string>>();
  const refused = new Map<string, string>();
  let last: Promise<unknown> = Promise.resolve();

  const fill = async (backend: Backend): Promise<ReadonlySet<string>> => {
    const wanted = [...shelf().photos.values()].filter(
      (photo) => isPrivate(backend) || photo.isPrivate !== true,
    );
    const held = known.get(backend) ?? new Set(await backend.index.has(wanted.map(({ id }) => id)));
    known.set(backend, held);
    const missing = wanted.filter(({ id }) => !held.has(id) && !refused.has(id));
    for (let start = 0; start < missing.length; start += ITEMS_AT_ONCE) {
      onProgress(start, missing.length);
      const items: readonly Photo[] = missing.slice(start, start + ITEMS_AT_ONCE);
      const failed = await backend.index.add(items);
      for (const { id } of items) {
        const reason = failed.get(id);
        if (reason === undefined) held.add(id);
        else refused.set(id, reason);
      }
    }
    return held;
  };
  return {
    refused,
    fill(backend) {
      const turn = last.catch(() => undefined).then(() => fill(backend));
      last = turn;
      return turn;
    },
    forget: () => known.clear(),
    async remove(id) {
      const isOpen = shelf().photos.get(id)?.isPrivate !== true;
      for (const backend of backends) {
        const held = known.get(backend);
        // What this visit has not asked may hold it from before; an index of this browser begins empty.
        const mayHold = held === undefined ? isOpen && !isPrivate(backend) : held.has(id);
        if (!mayHold) continue;
        await backend.index.delete(id);
        held?.delete(id);
      }
    },
  };
}
