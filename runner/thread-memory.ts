// How much memory V8 may let pile up in a thread, and in the process, before it looks for garbage.

import { setFlagsFromString } from 'node:v8';
import type { ResourceLimits } from 'node:worker_threads';

/**
 * Of a thread that makes large buffers and few objects. Buffers lie outside the heap and are freed when the
 * young generation is collected, which waits until it is full of objects: by default until 60 MB of used
 * pixels lie there. A third of this is where objects are made.
 */
export const THREAD_MEMORY: ResourceLimits = { maxYoungGenerationSizeMb: 12 };

/** Per cent of what was kept at the last full collection. */
const GARBAGE = 50;

/**
 * Of the whole process, from now on: V8 collects fully when what is old has grown by half since it last did, and not
 * only when it is some four times as much. What is under way when the young generation is collected, vectors, promises,
 * items, grows old and dies soon after: it would pile up for hours.
 */
export function limitGarbage(): void {
  setFlagsFromString(`--heap-growing-percent=${GARBAGE}`);
}
