// Region matches on maps small enough to check by hand.

import { describe, expect, test } from 'vitest';
import { type MapShape, matchRegions } from '../../core/region-match.ts';

/** [channels, rows, columns] from the channel vector of each cell. */
function map(cells: readonly (readonly number[])[]): Float32Array {
  const channels = cells[0]?.length ?? 0;
  return Float32Array.from({ length: channels * cells.length }, (_, index) => {
    return cells[index % cells.length]?.[Math.floor(index / cells.length)] ?? 0;
  });
}

const SHAPE: MapShape = [2, 1, 2];

describe('matches', () => {
  test('an image with itself: every cell is its own', () => {
    const cells = map(
      Array.from({ length: 49 }, (_, index) => [Math.cos(index / 40), Math.sin(index / 40), 0.1]),
    );
    const matches = matchRegions(cells, cells, [3, 7, 7]);
    expect(matches).toHaveLength(49);
    for (const { from, to, score, mutual } of matches) {
      expect(to).toEqual(from);
      expect(score).toBeCloseTo(1, 5);
      expect(mutual).toBe(true);
    }
  });

  test('swapped cells are found, whatever their brightness', () => {
    const a = map([
      [1, 0],
      [0, 2],
    ]);
    const b = map([
      [0, 30],
      [0.5, 0],
    ]);
    expect(matchRegions(a, b, SHAPE)).toEqual([
      { from: [0, 0], to: [0, 1], score: 1, mutual: true },
      { from: [0, 1], to: [0, 0], score: 1, mutual: true },
    ]);
  });

  test('two cells that want the same one: only the better is mutual', () => {
    const a = map([
      [1, 0],
      [1, 1],
    ]);
    const b = map([
      [1, 0],
      [0, 0],
    ]);
    const [first, second] = matchRegions(a, b, SHAPE);
    expect(first).toMatchObject({ to: [0, 0], mutual: true });
    expect(second).toMatchObject({ to: [0, 0], mutual: false });
    expect(second?.score).toBeCloseTo(Math.SQRT1_2, 6);
  });

  test('a dead map scores 0 and stays a number', () => {
    const scores = matchRegions(
      map([
        [0, 0],
        [0, 0],
      ]),
      map([
        [1, 0],
        [0, 1],
      ]),
      SHAPE,
    ).map(({ score }) => score);
    expect(scores).toEqual([0, 0]);
  });

  test('a map of another size is refused', () => {
    expect(() => matchRegions(new Float32Array(3), new Float32Array(4), SHAPE)).toThrow('Expected 4 values');
  });
});
