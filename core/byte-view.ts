// Reading numbers out of untrusted bytes: past the end is undefined, never a throw, so that each header
// reader decides what a short file means.

/** Big- and little-endian unsigned reads; undefined past the end. Offsets are bytes. */
export interface ByteView {
  readonly length: number;
  u8(offset: number): number | undefined;
  u16(offset: number, littleEndian?: boolean): number | undefined;
  u24(offset: number, littleEndian?: boolean): number | undefined;
  u32(offset: number, littleEndian?: boolean): number | undefined;
  /** `length` bytes as Latin-1 text; shorter at the end. */
  text(offset: number, length: number): string;
}

export function byteView(bytes: Uint8Array): ByteView {
  const unsigned = (offset: number, width: number, littleEndian: boolean): number | undefined => {
    if (offset < 0 || offset + width > bytes.length) return undefined;
    let value = 0;
    for (let index = 0; index < width; index += 1) {
      value = value * 256 + (bytes[offset + (littleEndian ? width - 1 - index : index)] ?? 0);
    }
    return value;
  };
  return {
    length: bytes.length,
    u8: (offset) => unsigned(offset, 1, false),
    u16: (offset, littleEndian = false) => unsigned(offset, 2, littleEndian),
    u24: (offset, littleEndian = false) => unsigned(offset, 3, littleEndian),
    u32: (offset, littleEndian = false) => unsigned(offset, 4, littleEndian),
    text: (offset, length) => String.fromCharCode(...bytes.subarray(offset, offset + length)),
  };
}
