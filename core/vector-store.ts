// The port of the vector stores: named indexes of items, each a vector with metadata, searched by cosine.
// The stores stand in search/; all are held to test/search/vector-store-contract.ts.

import * as z from 'zod';
import { POOLS } from './descriptors.ts';
import { TAPS } from './taps.ts';

/**
 * What an index remembers of its vectors. Only vectors of the same space are comparable, so a vector that
 * goes in or asks must come with its space, and an index refuses every other.
 */
export const vectorSpaceSchema = z.strictObject({
  /** Model id, `name@hash`. */
  model: z.string().min(1).max(128),
  /** The preprocessing contract, `torchvision-256-224@1`. */
  preprocess: z.string().min(1).max(128),
  layer: z.enum(TAPS),
  pool: z.enum(POOLS),
  /** Id of the fitted projection, null where there is none. */
  projection: z.string().min(1).max(128).nullable(),
  /** Values per vector. */
  dimensions: z.int().min(1).max(32_768),
});

export type VectorSpace = Readonly<z.infer<typeof vectorSpaceSchema>>;

export type MetadataValue = string | number | boolean;
/** Flat. Names match /^[A-Za-z_][A-Za-z0-9_]{0,63}$/, numbers are finite; at most 10 KiB as JSON. */
export type Metadata = Readonly<Record<string, MetadataValue>>;

export interface NumberRange {
  readonly gt?: number;
  readonly gte?: number;
  readonly lt?: number;
  readonly lte?: number;
}

/**
 * All conditions must hold. A value asks for the same value of the same type; `in` for one of a list; a
 * range for a number within it. An item without the field does not match.
 */
export type Filter = Readonly<
  Record<string, MetadataValue | { readonly in: readonly MetadataValue[] } | NumberRange>
>;

export interface Item {
  /** 1 to 512 bytes of UTF-8. */
  readonly id: string;
  /** Any length but 0; it is stored at Euclidean length 1. */
  readonly vector: Float32Array;
  readonly metadata: Metadata;
}

export interface Query {
  /** A vector with its space, or the id of an item of the index. */
  readonly by: { readonly vector: Float32Array; readonly space: VectorSpace } | { readonly id: string };
  /** Hits wanted, 1 to MAX_TOP_K. */
  readonly topK: number;
  /** Lowest cosine of a hit, −1…1. */
  readonly minScore?: number;
  readonly filter?: Filter;
  /** Leaves out the item asked by, or, for a vector, items of cosine ≥ SAME_SCORE with it. */
  readonly excludeSelf?: boolean;
  /** Hits whose cosine with a better hit is at least this are folded into it. */
  readonly fold?: number;
}

/** Above this cosine two vectors are of the same image: what 8-bit storage loses is below it. */
export const SAME_SCORE = 0.999;
export const MAX_TOP_K = 1000;
export const MAX_UPSERT_ITEMS = 1000;
/** Of one item, as JSON. */
export const MAX_METADATA_BYTES = 10 * 1024;

export interface Hit {
  readonly id: string;
  /** Cosine, −1…1; exact or as near as the store's precision. */
  readonly score: number;
  readonly metadata: Metadata;
  /** Ids of the near-duplicates that this hit stands for, best first. */
  readonly folded: readonly string[];
}

export interface IndexInfo {
  readonly name: string;
  readonly space: VectorSpace;
  /** Items held; a store that writes asynchronously may lag. */
  readonly items: number;
}

/** What `list` tells of an index. */
export interface ListedIndex extends IndexInfo {
  /** The aliases that name it, in order. */
  readonly aliases: readonly string[];
}

/** A second name of an index, that can be moved to another index while others ask by it. */
export interface IndexAlias {
  readonly alias: string;
  /** Name of the index, never of an alias. */
  readonly index: string;
}

/** Throws InputError for what the caller sent wrong, SourceError where the store cannot be reached. */
export interface VectorIndex {
  /** Its own, never an alias. */
  readonly name: string;
  readonly space: VectorSpace;
  /** Counts the items. */
  describe(): Promise<IndexInfo>;
  /**
   * Inserts or replaces, at most MAX_UPSERT_ITEMS; the later of equal ids counts. All or, where one item is
   * invalid, none. Once it resolves, the items survive the death of the process.
   */
  upsert(space: VectorSpace, items: readonly Item[]): Promise<void>;
  /** Those of the ids that exist, in the order asked. */
  get(ids: readonly string[]): Promise<Item[]>;
  /** Ids that do not exist are passed over. */
  delete(ids: readonly string[]): Promise<void>;
  /** Best first; equal scores in order of id. */
  query(query: Query): Promise<Hit[]>;
}

export interface VectorStore {
  /** The indexes, in order of name; counts what each holds. */
  list(): Promise<ListedIndex[]>;
  /** Their names alone, in order. */
  names(): Promise<string[]>;
  /**
   * Opens the index where one of this name, or alias, and space exists already. Names match
   * /^[a-z0-9][a-z0-9-]{0,62}$/. Throws InputError('index_mismatch') where one of another space exists.
   */
  create(name: string, space: VectorSpace): Promise<VectorIndex>;
  /** By name or alias; an index that is open stays the same when its alias moves. Throws InputError('not_found'). */
  open(name: string): Promise<VectorIndex>;
  /**
   * With all items. Throws InputError('not_found'), and InputError('alias_conflict') where the name is an
   * alias or an alias names the index.
   */
  delete(name: string): Promise<void>;
  /** In order of alias. */
  aliases(): Promise<IndexAlias[]>;
  /**
   * Makes the alias, or moves it in one step: whoever opens it gets the old index or the new. Aliases are
   * named as indexes are. Throws InputError('not_found') where there is no such index, and
   * InputError('alias_conflict') where an index has the alias's name or `index` is an alias itself.
   */
  setAlias(alias: string, index: string): Promise<void>;
  /** Its index stays. Throws InputError('not_found'). */
  deleteAlias(alias: string): Promise<void>;
  /** Makes many queries of an index fast: to be called after much has been written. */
  optimise?(name: string): Promise<void>;
  close(): Promise<void>;
}
