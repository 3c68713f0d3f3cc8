// Which items of a source need no embedding, because an index has their vector already: the image behind an
// item is read and hashed only where the index knows a hash for it.

import { createHash } from 'node:crypto';
import { type Item, MAX_METADATA_BYTES, type Metadata, type VectorIndex } from '../core/vector-store.ts';
import type { Source, SourceItem } from './ports.ts';
import { createSlots } from './slots.ts';

export interface SortedItems {
  /** To be embedded: new, changed, or not readable now. */
  readonly wanted: readonly SourceItem[];
  /** In the new index with the hash that the image has. */
  readonly unchanged: number;
  /** Items for the new index with vectors of the index before, which is of the same space. */
  readonly copies: readonly Item[];
  /** Metadata of the items that the index before has. */
  readonly known: ReadonlyMap<string, Item['metadata']>;
}

export interface KnownItemsOptions {
  readonly source: Source;
  readonly before: VectorIndex;
  readonly after: VectorIndex;
  /** Whether the vectors of both are of the same space. */
  readonly sameSpace: boolean;
  readonly maxBytes: number;
}

/** Images read and hashed at a time. */
const READERS = 8;

/** Throws what the indexes throw; an image that cannot be read is left to whoever embeds it. */
export async function sortItems(
  items: readonly SourceItem[],
  { source, before, after, sameSpace, maxBytes }: KnownItemsOptions,
): Promise<SortedItems> {
  const ids = items.map(({ id }) => id);
  const [held, old] = await Promise.all([byId(after, ids), byId(before, ids)]);
  const slots = createSlots(READERS);
  const isSame = async (item: SourceItem, known: Item | undefined): Promise<boolean> => {
    const hash = known?.metadata.sha256;
    if (typeof hash !== 'string') return false;
    await slots.acquire();
    try {
      const bytes = await source.read(item, maxBytes);
      return createHash('sha256').update(bytes).digest('hex') === hash;
    } catch {
      return false;
    } finally {
      slots.release();
    }
  };
  const fates = await Promise.all(
    items.map(async (item) => {
      if (await isSame(item, held.get(item.id))) return 'unchanged';
      return sameSpace && (await isSame(item, old.get(item.id))) ? 'copied' : 'wanted';
    }),
  );
  return {
    wanted: items.filter((_, place) => fates[place] === 'wanted'),
    unchanged: fates.filter((fate) => fate === 'unchanged').length,
    copies: items.flatMap(({ id, metadata }, place) => {
      const known = fates[place] === 'copied' ? old.get(id) : undefined;
      if (known === undefined) return [];
      const { sha256 = '' } = known.metadata;
      return [{ ...known, metadata: joinMetadata(known.metadata, { ...metadata, sha256 }) }];
    }),
    known: new Map([...old].map(([id, { metadata }]) => [id, metadata])),
  };
}

/** Without the first, where both together are more than a store takes. */
export function joinMetadata(known: Metadata, own: Metadata): Metadata {
  const joined = { ...known, ...own };
  return Buffer.byteLength(JSON.stringify(joined)) <= MAX_METADATA_BYTES ? joined : own;
}

async function byId(index: VectorIndex, ids: readonly string[]): Promise<ReadonlyMap<string, Item>> {
  return new Map((await index.get(ids)).map((item) => [item.id, item]));
}
