import { expect, test } from 'vitest';
import { principalPlane } from '../../web/principal-plane.ts';

const vectors = (...rows: number[][]) => rows.map((row) => Float32Array.from(row));

test('points on a line keep their order and distances on the first axis, and have no second', () => {
  const places = principalPlane(vectors([0, 0, 1], [1, 1, 1], [2, 2, 1], [4, 4, 1]));
  const xs = places.map(([x]) => x);
  const [a = 0, b = 0, c = 0, d = 0] = (xs[0] ?? 0) < (xs[3] ?? 0) ? xs : xs.map((x) => -x);
  expect((c - b) / (b - a)).toBeCloseTo(1);
  expect((d - c) / (b - a)).toBeCloseTo(2);
  for (const [, y] of places) expect(y).toBeCloseTo(0);
});

test('the first axis is the one of the largest spread; both have one scale', () => {
  const places = principalPlane(vectors([-3, 1], [-3, -1], [3, 1], [3, -1]));
  for (const [x, y] of places) {
    expect(Math.abs(x)).toBeCloseTo(1);
    expect(Math.abs(y)).toBeCloseTo(1 / 3);
  }
});

test.each([
  ['no vector', []],
  ['one vector', vectors([1, 2])],
  ['equal vectors', vectors([1, 2], [1, 2])],
])('%s: everything at the origin', (_, given) => {
  expect(principalPlane(given)).toEqual(given.map(() => [0, 0]));
});
