// What the page asks of a model, wherever it runs: behind the API (api-backend.ts) or in this browser
// (browser-backend.ts).

import type { CellMatch } from '../core/region-match.ts';
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
  readonly phases: readonly Phase[];
  /** `name@hash`. */
  readonly model: string;
  readonly engine: string;
  /** Random weights: the classes mean nothing. */
  readonly untrained: boolean;
}

export interface Hit {
  readonly id: string;
  /** Cosine, −1…1. */
  readonly score: number;
}

/** An index of this page's photographs, made when it is first needed. */
export interface PhotoIndex {
  add(id: string, photo: Blob): Promise<void>;
  delete(id: string): Promise<void>;
  /** The most alike first; without the photograph itself where an id is given. */
  search(by: Blob | string, count: number): Promise<readonly Hit[]>;
  /** The vectors of those of the ids that are in the index. */
  vectors(ids: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>;
}

/** Everything throws an Error whose message is for the reader of the page. */
export interface Backend {
  analyse(photo: Blob): Promise<Analysis>;
  /** Which cells of the first photograph look like which of the second. */
  matchRegions(first: Blob, second: Blob): Promise<readonly CellMatch[]>;
  readonly index: PhotoIndex;
}
