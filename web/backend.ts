// What the page asks of a model, wherever it runs: behind the API (api-backend.ts) or in this browser
// (browser-backend.ts).

import type { LabelledClass } from '../worker/schemas/answer.ts';

/** Side of the feature map, cells. */
export const MAP_SIDE = 7;

export interface Phase {
  readonly name: string;
  readonly milliseconds: number;
}

export interface Analysis {
  /** The most probable first. */
  readonly classes: readonly LabelledClass[];
  /** [channels, 7, 7], row-major. */
  readonly features: Float32Array;
  /** What an index holds of the photograph, at length 1; absent where it cannot be told from the features. */
  readonly vector?: Float32Array | undefined;
  readonly phases: readonly Phase[];
  /** `name@hash`. */
  readonly model: string;
  /** What computed it, and why that. */
  readonly engine: string;
  /** Random weights: the classes mean nothing. */
  readonly untrained: boolean;
}

export interface Hit {
  readonly id: string;
  /** Cosine, −1…1. */
  readonly score: number;
}

/** Some of an index, or all of it. */
export interface IndexSample {
  /** Items in the index; a store that writes asynchronously may lag. */
  readonly total: number;
  /** By id, at length 1. */
  readonly vectors: ReadonlyMap<string, Float32Array>;
}

export interface ReadableIndex {
  /** The most alike first; without the photograph itself where an id is given. */
  search(by: Blob | string, count: number): Promise<readonly Hit[]>;
  /** All items where there are at most `limit`, else about as many from all over the index. */
  sample(limit: number): Promise<IndexSample>;
}

export interface NewItem {
  readonly id: string;
  readonly file: Blob;
}

/** An index of this page's photographs, made when it is first needed. */
export interface PhotoIndex extends ReadableIndex {
  /** Those of the ids that are in the index. */
  has(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** At most ITEMS_AT_ONCE. Those that could not be read, with the reason; the others are in the index. */
  add(items: readonly NewItem[]): Promise<ReadonlyMap<string, string>>;
  delete(id: string): Promise<void>;
}

/** Photographs in one call of `add`: few enough that a progress bar moves. */
export const ITEMS_AT_ONCE = 4;

export interface IndexName {
  readonly name: string;
  /** Other names of it, which it may hand on to another index. */
  readonly aliases: readonly string[];
  readonly items: number;
}

/** Everything throws an Error whose message is for the reader of the page. */
export interface Backend {
  analyse(photo: Blob): Promise<Analysis>;
  /** [channels, 7, 7], row-major, at any scale. */
  features(photo: Blob): Promise<Float32Array>;
  readonly index: PhotoIndex;
  /** Other indexes that can be searched, none of them a page's. */
  otherIndexes(): Promise<readonly IndexName[]>;
  openIndex(name: string): ReadableIndex;
}
