// What a measurement says: the JSON file, which the table and the picture are drawn from.

import type { CosineFigures } from '../model-build/fidelity.ts';
import type { ClassificationFigures } from './classification.ts';
import type { MeasuredDescriptor } from './descriptors.ts';
import type { FailedPhoto } from './extract.ts';
import type { RetrievalFigures } from './retrieval.ts';

/** Of the int8 model and of the float reference. */
export interface Both<T> {
  readonly int8: T;
  /** Null without a reference. */
  readonly float32: T | null;
}

export interface RetrievalRow {
  readonly name: string;
  /** Null for the colour histogram. */
  readonly descriptor: MeasuredDescriptor | null;
  /** Fitted to other photographs. */
  readonly whitened: boolean;
  readonly dimensions: number;
  readonly figures: Both<RetrievalFigures | null>;
  /** Share of the 10 nearest that int8 and float32 agree on, 0…1. */
  readonly overlapAt10: number | null;
}

export interface Fidelity {
  readonly taps: Readonly<Record<string, CosineFigures>>;
  /** Share of the photographs whose most probable class is the same, 0…1. */
  readonly top1Agreement: number | null;
}

export interface EvalReport {
  readonly format: 'vgg-edge-eval';
  /** Id. */
  readonly model: string;
  readonly trained: boolean;
  readonly precision: 'int8';
  /** The weight file's name. */
  readonly reference: string | null;
  readonly photos: {
    readonly folder: string;
    readonly found: number;
    readonly measured: number;
    readonly classes: number;
    readonly failed: readonly FailedPhoto[];
  };
  /** Null where the folder's classes are not the model's: then `withoutLabel` names those. */
  readonly classification: Both<ClassificationFigures> | null;
  readonly withoutLabel: readonly string[];
  readonly retrieval: readonly RetrievalRow[];
  /** The photographs that the projections were fitted to. */
  readonly whitening: { readonly folder: string; readonly photos: number } | null;
  readonly fidelity: Fidelity | null;
}
