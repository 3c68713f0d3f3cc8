// A stream of bytes, piece by piece, through one buffer where the platform can.

/** Bytes taken at once. */
const CHUNK_BYTES = 64 * 1024;

/** The stream's bytes; each chunk is valid until the next one is asked for. Stopping early cancels the stream. */
export async function* readChunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { read, cancel } = chunkReader(stream);
  try {
    for (;;) {
      const chunk = await read();
      if (chunk === undefined) break;
      yield chunk;
    }
  } finally {
    await cancel().catch(() => undefined);
  }
}

interface ChunkReader {
  /** Undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  cancel(): Promise<void>;
}

/**
 * Reads into one buffer again and again where the platform can: workerd otherwise allocates 4 KiB per read,
 * which for a picture of 12 megapixels is 36 MB of garbage and 1.6 times the time. Node's streams cannot.
 */
function chunkReader(stream: ReadableStream<Uint8Array>): ChunkReader {
  let byob: ReadableStreamBYOBReader;
  try {
    byob = stream.getReader({ mode: 'byob' });
  } catch {
    const reader = stream.getReader();
    return { read: async () => (await reader.read()).value, cancel: () => reader.cancel() };
  }
  let buffer = new Uint8Array(CHUNK_BYTES);
  return {
    read: async () => {
      const { done, value } = await byob.read(buffer);
      if (value !== undefined) buffer = new Uint8Array(value.buffer);
      return done ? undefined : value;
    },
    cancel: () => byob.cancel(),
  };
}
