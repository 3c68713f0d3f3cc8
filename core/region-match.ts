// Which parts of two images look alike: the 7×7 cells of the features, each compared with all of the other.

import { InputError } from './errors.ts';

/** Row and column of a cell, from the top left. */
export type Cell = [row: number, column: number];

export interface CellMatch {
  readonly from: Cell;
  /** The cell of the other image most like it; the first in reading order of equals. */
  readonly to: Cell;
  /** Cosine of the two cells' channel vectors; 0 where either has no activation. */
  readonly score: number;
  /** Whether `from` is also the cell most like `to`: such pairs are the trustworthy ones. */
  readonly mutual: boolean;
}

/** Shape of the map: [channels, rows, columns], row-major as the `features` tap gives it. */
export type MapShape = readonly [channels: number, rows: number, columns: number];

/**
 * One match per cell of `a`, in reading order. Throws InputError when a map does not have its shape.
 */
export function matchRegions(a: Float32Array, b: Float32Array, shape: MapShape): CellMatch[] {
  const [channels, rows, columns] = shape;
  const cells = rows * columns;
  for (const map of [a, b]) {
    if (map.length !== channels * cells) {
      throw new InputError(
        'invalid_argument',
        `Expected ${channels * cells} values for a feature map but found ${map.length}.`,
      );
    }
  }
  const scores = cosines(unitCells(a, channels, cells), unitCells(b, channels, cells), channels, cells);
  const bestOfA = Array.from({ length: cells }, (_, i) => best(cells, (j) => scores[i * cells + j] ?? 0));
  const bestOfB = Array.from({ length: cells }, (_, j) => best(cells, (i) => scores[i * cells + j] ?? 0));
  const cell = (index: number): Cell => [Math.floor(index / columns), index % columns];
  return bestOfA.map((j, i) => ({
    from: cell(i),
    to: cell(j),
    score: scores[i * cells + j] ?? 0,
    mutual: bestOfB[j] === i,
  }));
}

/** [channels, cells] → [cells, channels], each cell of length 1 (or 0 where nothing is active). */
function unitCells(map: Float32Array, channels: number, cells: number): Float32Array {
  const unit = new Float32Array(map.length);
  for (let cell = 0; cell < cells; cell += 1) {
    let squares = 0;
    for (let channel = 0; channel < channels; channel += 1)
      squares += (map[channel * cells + cell] ?? 0) ** 2;
    const factor = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let channel = 0; channel < channels; channel += 1) {
      unit[cell * channels + channel] = (map[channel * cells + cell] ?? 0) * factor;
    }
  }
  return unit;
}

function cosines(a: Float32Array, b: Float32Array, channels: number, cells: number): Float32Array {
  const scores = new Float32Array(cells * cells);
  for (let i = 0; i < cells; i += 1) {
    for (let j = 0; j < cells; j += 1) {
      let sum = 0;
      for (let channel = 0; channel < channels; channel += 1) {
        sum += (a[i * channels + channel] ?? 0) * (b[j * channels + channel] ?? 0);
      }
      scores[i * cells + j] = sum;
    }
  }
  return scores;
}

function best(count: number, score: (index: number) => number): number {
  let winner = 0;
  for (let index = 1; index < count; index += 1) if (score(index) > score(winner)) winner = index;
  return winner;
}
