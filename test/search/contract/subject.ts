// The store that the contract is asked of, and the items that all its parts put in.

import { afterAll, beforeAll } from 'vitest';
import type {
  Item,
  Metadata,
  Query,
  VectorIndex,
  VectorSpace,
  VectorStore,
} from '../../../core/vector-store.ts';

export interface StoreUnderTest {
  readonly store: VectorStore;
  /** How far a score or a stored value may be from float32's. */
  readonly tolerance: number;
  /** Resolves when everything written can be read; for stores that write asynchronously. */
  settle?(): Promise<void>;
  /** Another store over what this one left behind; not for those that keep nothing. */
  reopen?(): Promise<VectorStore>;
}

/** Inside a test. */
export interface Subject extends Required<Pick<StoreUnderTest, 'store' | 'tolerance' | 'settle'>> {
  readonly reopen: StoreUnderTest['reopen'];
  freshName(): string;
  /** A new index that holds these. */
  indexOf(items: readonly Item[]): Promise<VectorIndex>;
  /** Ids of the hits; of `near(1)` where nothing else is asked by. */
  ask(index: VectorIndex, query: Omit<Query, 'by'> & Partial<Query>): Promise<string[]>;
}

export const DIMENSIONS = 32;

export const space: VectorSpace = {
  model: 'tiny@0123456789ab',
  preprocess: 'torchvision-256-224@1',
  layer: 'features',
  pool: 'gem',
  projection: null,
  dimensions: DIMENSIONS,
};

/** A vector whose cosine with `near(1)` is `cosine`. */
export function near(cosine: number, other = 1): Float32Array {
  const vector = new Float32Array(DIMENSIONS);
  vector[0] = cosine;
  vector[other] = Math.sqrt(1 - cosine * cosine);
  return vector;
}

export const item = (id: string, vector: Float32Array = near(1), metadata: Metadata = {}): Item => ({
  id,
  vector,
  metadata,
});

/** Opened before the first test of the suite, closed after its last. */
export function openSubject(open: () => Promise<StoreUnderTest>): Subject {
  let opened: StoreUnderTest | undefined;
  let next = 0;
  const there = (): StoreUnderTest => {
    if (opened === undefined) throw new Error('The store is there only inside a test.');
    return opened;
  };
  beforeAll(async () => {
    opened = await open();
    // A whole PostgreSQL may have to start.
  }, 60_000);
  afterAll(() => opened?.store.close());

  const freshName = () => `index-${next++}`;
  const settle = async () => there().settle?.();
  return {
    get store() {
      return there().store;
    },
    get tolerance() {
      return there().tolerance;
    },
    get reopen() {
      return there().reopen?.bind(there());
    },
    settle,
    freshName,
    async indexOf(items) {
      const index = await there().store.create(freshName(), space);
      await index.upsert(space, items);
      await settle();
      return index;
    },
    ask: async (index, query) =>
      (await index.query({ by: { vector: near(1), space }, ...query })).map(({ id }) => id),
  };
}
