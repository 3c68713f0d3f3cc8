// The pseudo-random pixels that the Pillow goldens were made from (scripts/goldens/resize.py).

/** `count` bytes: MurmurHash3's finaliser of the sample's index, low byte. */
export function noise(count: number, seed: number): Uint8Array {
  const offset = Math.imul(seed, 0x9e3779b9);
  return Uint8Array.from({ length: count }, (_, index) => {
    let value = (index + offset) >>> 0;
    value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
    value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
    return (value ^ (value >>> 16)) & 255;
  });
}
