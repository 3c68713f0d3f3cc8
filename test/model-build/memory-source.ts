// A weight file in memory that counts what is asked of it.

import type { ByteSource } from '../../model-build/byte-source.ts';

export interface MemorySource extends ByteSource {
  /** Bytes of each read, in order. */
  readonly reads: number[];
}

export function memorySource(bytes: Uint8Array, name = 'memory.pth'): MemorySource {
  const reads: number[] = [];
  return {
    name,
    size: bytes.length,
    reads,
    async fill(target, position) {
      if (position < 0 || position + target.length > bytes.length) {
        throw new RangeError(`a reader asked for ${target.length} bytes at ${position} of ${bytes.length}`);
      }
      reads.push(target.length);
      target.set(bytes.subarray(position, position + target.length));
    },
    close: async () => undefined,
  };
}
