// Who gets which bytes of the WebAssembly memory: one region after another, decided before the memory is
// made, so that it is made once and nothing is ever freed.

import { ModelError } from '../../core/errors.ts';

/** A cache line. */
const ALIGNMENT = 64;
const PAGE_BYTES = 65_536;
/** 2 GiB: what 32-bit addresses can hold without a sign. */
const MAX_BYTES = 2 ** 31;

export class Layout {
  #end: number;

  constructor(start: number) {
    this.#end = start;
  }

  /** Address of a region of so many bytes. */
  take(bytes: number): number {
    const address = this.#end;
    this.#end += roundUp(bytes, ALIGNMENT);
    return address;
  }

  /** First byte behind the last region. */
  get end(): number {
    return this.#end;
  }
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** A memory of so many bytes, which may grow. Throws ModelError('out_of_memory'). */
export function createMemory(bytes: number): WebAssembly.Memory {
  return allocate(bytes, () => new WebAssembly.Memory({ initial: pages(bytes) }));
}

/** Grows the memory to at least so many bytes. Throws ModelError('out_of_memory'). */
export function growMemory(memory: WebAssembly.Memory, bytes: number): void {
  const missing = pages(bytes) - pages(memory.buffer.byteLength);
  if (missing > 0) allocate(bytes, () => memory.grow(missing));
}

/** What a memory that holds so many bytes takes. */
export function wholePages(bytes: number): number {
  return pages(bytes) * PAGE_BYTES;
}

function pages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

function allocate<T>(bytes: number, take: () => T): T {
  try {
    if (bytes > MAX_BYTES) throw new RangeError(`more than the ${MAX_BYTES} bytes of a memory`);
    return take();
  } catch (cause) {
    throw new ModelError(
      'out_of_memory',
      `Expected ${bytes} bytes of WebAssembly memory for the network but could not have them: ${String(cause)}. Take a smaller network, or fewer images per pass.`,
      { cause },
    );
  }
}
