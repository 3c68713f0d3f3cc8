// Listing and working side by side: shards are handed out as soon as they are listed, and the listing runs
// ahead, so that the total, and with it the time left, is soon known.

import { type ListItemsOptions, type Listing, listItems, readListing } from './item-list.ts';

export interface ListedShards {
  /** Resolves to whether there is a shard of this number, once that is known. Throws what listing throws. */
  has(shard: number): Promise<boolean>;
  /** The whole listing, once it is complete. */
  complete(): Promise<Listing>;
  /** Resolves when nothing is written any more, whatever came of it. */
  ended(): Promise<void>;
  /** Items listed so far, and whether that is all. */
  progress(): { readonly items: number; readonly complete: boolean };
  /** Whether this run found the listing complete on the disk. */
  readonly found: boolean;
}

export async function listShards(options: Omit<ListItemsOptions, 'onShard'>): Promise<ListedShards> {
  const found = await readListing(options.directory);
  if (found !== undefined) {
    return {
      has: async (shard) => shard <= found.shards,
      complete: async () => found,
      ended: async () => undefined,
      progress: () => ({ items: found.items, complete: true }),
      found: true,
    };
  }
  let shards = 0;
  let items = 0;
  let ended = false;
  let wake: () => void = () => undefined;
  const listing = listItems({
    ...options,
    onShard(shard, count) {
      shards = shard;
      items += count;
      wake();
    },
  }).finally(() => {
    ended = true;
    wake();
  });
  // Thrown again to whoever waits.
  const settled = listing.then(
    () => undefined,
    () => undefined,
  );
  return {
    async has(shard) {
      while (shard > shards && !ended) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (shard <= shards) return true;
      await listing;
      return false;
    },
    complete: () => listing,
    ended: () => settled,
    progress: () => ({ items, complete: ended }),
    found: false,
  };
}
