// How the nine pixels under a kernel vary together, per input channel: what round-kernels.ts weighs rounding
// errors by. Neighbouring pixels are alike, so errors of opposite sign next to each other cancel.

/** Sums of x(p)·x(p + lag) over a map, for the 25 lags of a 3×3 kernel; grows over images. */
export class InputCorrelations {
  /** Per channel, lags (dy, dx) from (−2, −2) to (2, 2), row by row; only half are counted, see matrix(). */
  readonly #sums: Float64Array;
  readonly #channels: number;

  constructor(channels: number) {
    this.#channels = channels;
    this.#sums = new Float64Array(channels * 25);
  }

  /** `maps` float32 [images, channels, side, side], the input of a convolution. */
  add(maps: Float32Array, side: number): void {
    const area = side * side;
    for (let map = 0; map < maps.length / area; map += 1) {
      const values = maps.subarray(map * area, (map + 1) * area);
      const first = (map % this.#channels) * 25;
      for (const [dy, dx] of LAGS) {
        const at = first + (dy + 2) * 5 + dx + 2;
        this.#sums[at] = (this.#sums[at] ?? 0) + lagSum(values, side, dy, dx);
      }
    }
  }

  /** [9, 9]: the sums for each pair of taps of the kernel. */
  matrix(channel: number): Float64Array {
    const matrix = new Float64Array(81);
    for (let a = 0; a < 9; a += 1) {
      for (let b = 0; b < 9; b += 1) {
        const dy = Math.floor(b / 3) - Math.floor(a / 3);
        const dx = (b % 3) - (a % 3);
        const counted = dy > 0 || (dy === 0 && dx >= 0);
        const lag = counted ? (dy + 2) * 5 + dx + 2 : (2 - dy) * 5 + 2 - dx;
        matrix[a * 9 + b] = this.#sums[channel * 25 + lag] ?? 0;
      }
    }
    return matrix;
  }
}

/** Half of the 25: the other half follows by symmetry. */
const LAGS: readonly (readonly [dy: number, dx: number])[] = [
  [0, 0],
  [0, 1],
  [0, 2],
  ...[1, 2].flatMap((dy) => [-2, -1, 0, 1, 2].map((dx) => [dy, dx] as const)),
];

function lagSum(values: Float32Array, side: number, dy: number, dx: number): number {
  let sum = 0;
  const firstX = Math.max(0, -dx);
  const endX = side - Math.max(0, dx);
  for (let y = 0; y + dy < side; y += 1) {
    const row = y * side;
    const other = (y + dy) * side + dx;
    for (let x = firstX; x < endX; x += 1) sum += (values[row + x] ?? 0) * (values[other + x] ?? 0);
  }
  return sum;
}
