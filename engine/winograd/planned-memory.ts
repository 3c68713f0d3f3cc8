// How much WebAssembly memory a model takes in our engine, from its manifest, before anything is loaded: what
// `build --memory` chooses by.

import type { Manifest } from '../../core/manifest.ts';
import { Layout, wholePages } from './layout.ts';
import { planBackbone } from './plan.ts';
import { HEAD_IMAGES, planHead } from './plan-head.ts';

/** Bytes of the memory, one image at a time: what the engine's memoryBytes() says after such a run. */
export interface PlannedMemory {
  readonly features: number;
  /** With the head beside the backbone. */
  readonly scores: number;
}

/** Throws ModelError as loading the model would. */
export function plannedMemory(manifest: Manifest): PlannedMemory {
  const { end } = planBackbone(manifest, 1);
  const layout = new Layout(end);
  planHead(manifest, HEAD_IMAGES, layout);
  return { features: wholePages(end), scores: wholePages(layout.end) };
}
