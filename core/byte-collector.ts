// Bytes that arrive in pieces → one array. Where their number is declared, none is held twice.

export interface ByteCollector {
  /** Bytes so far. Whoever collects decides how many are too many. */
  readonly length: number;
  /** The piece is the collector's from now on. */
  push(piece: Uint8Array): void;
  /** All of them. Nothing may be pushed any more. */
  bytes(): Uint8Array<ArrayBuffer>;
}

/** `declared` is believed as room alone: fewer and more are taken as they come. Callers bound it. */
export function createByteCollector(declared: number | undefined): ByteCollector {
  const room = new Uint8Array(declared ?? 0);
  /** What does not fit any more: an array that grew would be held beside the one it outgrew. */
  const others: Uint8Array[] = [];
  let filled = 0;
  let length = 0;
  return {
    get length() {
      return length;
    },
    push(piece) {
      length += piece.length;
      if (others.length > 0 || length > room.length) {
        others.push(piece);
      } else {
        room.set(piece, filled);
        filled = length;
      }
    },
    bytes() {
      if (others.length === 0) return filled === room.length ? room : room.slice(0, filled);
      const whole = new Uint8Array(length);
      whole.set(room.subarray(0, filled));
      let offset = filled;
      for (const piece of others) {
        whole.set(piece, offset);
        offset += piece.length;
      }
      return whole;
    },
  };
}

/** Of a `content-length`: undefined where there is none, or no whole number. */
export function declaredLength(header: string | null): number | undefined {
  return header !== null && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}
