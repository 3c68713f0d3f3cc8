// What the page and its Web Worker say to each other.

import type { TapOutputs } from '../core/taps.ts';
import type { Phase } from './backend.ts';

export interface RunRequest {
  readonly number: number;
  readonly photo: Blob;
  /** Without them the classifier's weights are not fetched. */
  readonly scores: boolean;
}

export interface RunResult {
  readonly model: string;
  readonly engine: string;
  readonly untrained: boolean;
  readonly taps: TapOutputs;
  readonly phases: readonly Phase[];
  /** What the scores are of. */
  readonly labels: readonly string[];
  readonly trainedWith: readonly ('labels' | 'teacher')[];
}

export type RunAnswer =
  | { readonly number: number; readonly result: RunResult }
  | { readonly number: number; readonly error: string }
  | { readonly progress: string };
