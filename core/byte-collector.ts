// Bytes that arrive in pieces → one array. Where their number is declared, none is held twice.

export interface ByteCollector {
  /** Bytes so far. Whoever collects decides how many are too many. */
  readonly length: number;
  push(piece: Uint8Array): void;
  /** All of them. Nothing may be pushed any more. */
  bytes(): Uint8Array<ArrayBuffer>;
}

/** First room where nothing is declared. */
const ROOM = 64 * 1024;

/** `declared` is believed as room alone: fewer and more are taken as they come. Callers bound it. */
export function createByteCollector(declared: number | undefined): ByteCollector {
  let whole = new Uint8Array(declared ?? ROOM);
  let length = 0;
  return {
    get length() {
      return length;
    },
    push(piece) {
      const needed = length + piece.length;
      if (needed > whole.length) {
        const larger = new Uint8Array(Math.max(needed, 2 * whole.length));
        larger.set(whole.subarray(0, length));
        whole = larger;
      }
      whole.set(piece, length);
      length = needed;
    },
    bytes: () => (length === whole.length ? whole : whole.slice(0, length)),
  };
}

/** Of a `content-length`: undefined where there is none, or no whole number. */
export function declaredLength(header: string | null): number | undefined {
  return header !== null && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}
