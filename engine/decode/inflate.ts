// zlib's inflate as the platform has it, piece by piece.

import { readChunks } from '../read-chunks.ts';

/** Compressed bytes given at once: what they inflate to is held at once in workerd. */
const PIECE_BYTES = 4 * 1024;

/** The most that is held at once: deflate makes at most 1032 bytes of one (zlib's technical notes). */
export const INFLATED_BYTES = 1032 * PIECE_BYTES;

/**
 * The inflated bytes of a zlib stream (RFC 1950) that lies in `parts`; each chunk is valid until the next
 * one is asked for. Throws what the platform throws for damaged, short or overlong data. Stopping early
 * releases the stream.
 */
export async function* inflate(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const stream = new DecompressionStream('deflate');
  const feeding = feed(stream.writable.getWriter(), parts);
  // The reader sees the same failure; without this it would also count as unhandled.
  feeding.catch(() => undefined);
  yield* readChunks(stream.readable);
  await feeding;
}

/** What the platforms' types of a writer have in common. */
interface ByteWriter {
  readonly ready: Promise<unknown>;
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
}

async function feed(writer: ByteWriter, parts: Iterable<Uint8Array>): Promise<void> {
  for (const part of parts) {
    for (let offset = 0; offset < part.length; offset += PIECE_BYTES) {
      await writer.ready;
      // A copy: browsers take no view of memory that might be shared.
      await writer.write(part.slice(offset, offset + PIECE_BYTES));
    }
  }
  await writer.close();
}
