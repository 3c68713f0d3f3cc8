// A body's stream, read piece by piece into one buffer. A stream of bytes (every body in Workers) writes there itself;
// any other one gives arrays of its own, 4 KB each in Workers, which would lie about until they are collected.

export interface Piece {
  readonly done: boolean;
  /** In place of the given one, which is detached. */
  readonly buffer: ArrayBuffer;
  /** How many bytes came; 0 at the end. */
  readonly bytes: number;
}

export interface Pieces {
  /** Reads what comes next behind the first `length` bytes of the buffer, which must be longer. */
  read(buffer: ArrayBuffer, length: number): Promise<Piece>;
  /** Nothing more will be read. */
  cancel(): void;
}

export function openPieces(stream: ReadableStream<Uint8Array>): Pieces {
  const reader = byteReader(stream);
  return reader === undefined ? copiedPieces(stream.getReader()) : writtenPieces(reader);
}

function byteReader(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: 'byob' });
  } catch {
    return undefined;
  }
}

function writtenPieces(reader: ReadableStreamBYOBReader): Pieces {
  return {
    async read(buffer, length) {
      const { done, value } = await reader.read(new Uint8Array(buffer, length));
      // A stream that was cancelled keeps the buffer.
      if (value === undefined) return { done, buffer: new ArrayBuffer(0), bytes: 0 };
      return { done, buffer: value.buffer, bytes: value.byteLength };
    },
    cancel: () => void reader.cancel().catch(() => undefined),
  };
}

function copiedPieces(reader: ReadableStreamDefaultReader<Uint8Array>): Pieces {
  let rest: Uint8Array = new Uint8Array();
  return {
    async read(buffer, length) {
      while (rest.length === 0) {
        const { done, value } = await reader.read();
        if (done) return { done, buffer, bytes: 0 };
        rest = value;
      }
      const bytes = Math.min(rest.length, buffer.byteLength - length);
      new Uint8Array(buffer).set(rest.subarray(0, bytes), length);
      rest = rest.subarray(bytes);
      return { done: false, buffer, bytes };
    },
    cancel: () => void reader.cancel().catch(() => undefined),
  };
}
