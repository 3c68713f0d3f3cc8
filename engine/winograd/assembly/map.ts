// Feature maps in memory: uint8 levels, channels last, [images][side][side][channels], the channels padded
// to a multiple of 8 with zeros. `side` leaves a border of one pixel around the map, the padding of the
// 3×3 convolution, and on the right and below as much more as whole tiles of 4 × 4 need.

/** Pixels from row to row of a map of `size` × `size`; descriptor.ts has the same formula. */
@inline
export function paddedSide(size: usize): usize {
  return ((size + 3) & ~3) + 2;
}

/** Sets everything around the pixels to zero; `pixelBytes` are the bytes of one pixel. */
export function clearBorder(map: usize, images: usize, size: usize, pixelBytes: usize): void {
  const side = paddedSide(size);
  const row: usize = side * pixelBytes;
  const inside: usize = size * pixelBytes;
  for (let image: usize = 0; image < images; image++) {
    memory.fill(map, 0, row + pixelBytes);
    map += row + pixelBytes;
    // From the last pixel of a row to the first of the next; after the last row, to the end.
    for (let y: usize = 1; y < size; y++, map += row) memory.fill(map + inside, 0, row - inside);
    const rest: usize = (side - size) * row - pixelBytes - inside;
    memory.fill(map + inside, 0, rest);
    map += inside + rest;
  }
}

/** 2×2 max-pool, stride 2, odd edges dropped: for pools that no convolution precedes. */
export function maxPool(input: usize, output: usize, images: usize, size: usize, channels: usize): void {
  const side: usize = paddedSide(size);
  const pooled = size / 2;
  const pooledSide: usize = paddedSide(pooled);
  const row = side * channels;
  clearBorder(output, images, pooled, channels);
  for (let image: usize = 0; image < images; image++) {
    for (let y: usize = 0; y < pooled; y++) {
      let from = input + (2 * y + 1) * row + channels;
      let to = output + (y + 1) * pooledSide * channels + channels;
      for (let x: usize = 0; x < pooled; x++, from += channels) {
        for (const end = from + channels; from < end; from += 8, to += 8) {
          const above = i8x16.max_u(v128.load64_zero(from), v128.load64_zero(from + channels));
          const below = i8x16.max_u(v128.load64_zero(from + row), v128.load64_zero(from + row + channels));
          v128.store64_lane(to, i8x16.max_u(above, below), 0);
        }
      }
    }
    input += side * row;
    output += pooledSide * pooledSide * channels;
  }
}
