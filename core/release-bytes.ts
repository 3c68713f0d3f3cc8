// Bodies, pictures and batches give their memory back when they are done with.

/**
 * Detaches the buffer that the bytes lie in; nobody may use it any more. The garbage collector does not see buffers on
 * its heap and comes late to them: bodies of 10 MB, one after the other, took an isolate beyond its 128 MB.
 */
export function releaseBytes({ buffer }: Uint8Array | Uint8ClampedArray): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
