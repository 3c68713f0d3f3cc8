// What the page and its Web Worker say to each other.

import type { TapOutputs } from '../core/taps.ts';
import type { Phase } from './backend.ts';

/** What is wanted of a photograph; without scores the classifier's weights are not fetched. */
export type Wanted = 'analysis' | 'features' | 'vector';

export interface RunRequest {
  readonly number: number;
  readonly photo: Blob;
  readonly wanted: Wanted;
}

export interface RunResult {
  readonly model: string;
  /** Its name, and why this one. */
  readonly engine: string;
  readonly untrained: boolean;
  readonly taps: TapOutputs;
  /** What an index of the server holds of the photograph by default; absent where only features were wanted. */
  readonly vector: Float32Array | undefined;
  readonly phases: readonly Phase[];
  /** What the scores are of. */
  readonly labels: readonly string[];
  readonly trainedWith: readonly ('labels' | 'teacher')[];
}

/** What the page waits for; `total` is 0 where nobody knows. */
export interface Progress {
  readonly text: string;
  readonly done: number;
  readonly total: number;
}

export type RunAnswer =
  | { readonly number: number; readonly result: RunResult }
  /** `isModel`: it is the model that failed, not this photograph. */
  | { readonly number: number; readonly error: string; readonly isModel: boolean }
  | { readonly progress: Progress };
