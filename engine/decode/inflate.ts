// zlib's inflate as the platform has it, piece by piece.

/** Compressed bytes given at once: what they inflate to (at most 1032 times as much) is held at once. */
const PIECE_BYTES = 16 * 1024;

/**
 * The inflated bytes of a zlib stream (RFC 1950) that lies in `parts`. Throws what the platform throws for
 * damaged, short or overlong data. Stopping early releases the stream.
 */
export async function* inflate(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const stream = new DecompressionStream('deflate');
  const feeding = feed(stream.writable.getWriter(), parts);
  // The reader sees the same failure; without this it would also count as unhandled.
  feeding.catch(() => undefined);
  const reader = stream.readable.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
    }
    await feeding;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function feed(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  parts: Iterable<Uint8Array>,
): Promise<void> {
  for (const part of parts) {
    for (let offset = 0; offset < part.length; offset += PIECE_BYTES) {
      await writer.ready;
      await writer.write(part.subarray(offset, offset + PIECE_BYTES));
    }
  }
  await writer.close();
}
