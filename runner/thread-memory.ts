// How much memory V8 may let pile up in a thread before it looks for garbage.

import type { ResourceLimits } from 'node:worker_threads';

/**
 * Of a thread that makes large buffers and few objects. Buffers lie outside the heap and are freed when the
 * young generation is collected, which waits until it is full of objects: by default until 60 MB of used
 * pixels lie there. A third of this is where objects are made.
 */
export const THREAD_MEMORY: ResourceLimits = { maxYoungGenerationSizeMb: 12 };
