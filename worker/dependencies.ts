// What the app is made of. Composition roots (index.ts, the Node server, tests) fill this in.

import type { Admission } from './admission.ts';
import type { Limits } from './limits.ts';
import type { ServedModel } from './served-model.ts';

export interface AppDependencies {
  /** Loads at the first call. Throws ModelError, SourceError. */
  readonly model: () => Promise<ServedModel>;
  readonly limits: Limits;
  readonly admission: Admission;
  /** Milliseconds from any fixed point. */
  readonly now: () => number;
  /** Told of every error that is not the caller's. */
  readonly report: (error: unknown) => void;
}
