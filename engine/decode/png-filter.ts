// PNG's row filters undone (PNG specification §9): each byte was stored as the difference to a prediction
// from its left, upper and upper-left neighbours.

/**
 * Undoes filter `type` (0 none, 1 sub, 2 up, 3 average, 4 Paeth) of `row` in place. `above` is the row
 * above, unfiltered, zeros for the first; `bytesPerPixel` is at least 1. False when there is no such type.
 */
export function unfilter(type: number, row: Uint8Array, above: Uint8Array, bytesPerPixel: number): boolean {
  switch (type) {
    case 0:
      return true;
    case 1:
      for (let index = bytesPerPixel; index < row.length; index += 1) {
        row[index] = (row[index] ?? 0) + (row[index - bytesPerPixel] ?? 0);
      }
      return true;
    case 2:
      for (let index = 0; index < row.length; index += 1) {
        row[index] = (row[index] ?? 0) + (above[index] ?? 0);
      }
      return true;
    case 3:
      for (let index = 0; index < row.length; index += 1) {
        const left = index < bytesPerPixel ? 0 : (row[index - bytesPerPixel] ?? 0);
        row[index] = (row[index] ?? 0) + ((left + (above[index] ?? 0)) >> 1);
      }
      return true;
    case 4:
      for (let index = 0; index < bytesPerPixel; index += 1) {
        // Left and upper left are zero, so the prediction is the upper byte.
        row[index] = (row[index] ?? 0) + (above[index] ?? 0);
      }
      for (let index = bytesPerPixel; index < row.length; index += 1) {
        const prediction = paeth(
          row[index - bytesPerPixel] ?? 0,
          above[index] ?? 0,
          above[index - bytesPerPixel] ?? 0,
        );
        row[index] = (row[index] ?? 0) + prediction;
      }
      return true;
    default:
      return false;
  }
}

/** Whichever neighbour is nearest to left + up − upper left; ties in that order. */
function paeth(left: number, up: number, upperLeft: number): number {
  const toLeft = Math.abs(up - upperLeft);
  const toUp = Math.abs(left - upperLeft);
  const toUpperLeft = Math.abs(left + up - 2 * upperLeft);
  if (toLeft <= toUp && toLeft <= toUpperLeft) return left;
  return toUp <= toUpperLeft ? up : upperLeft;
}
