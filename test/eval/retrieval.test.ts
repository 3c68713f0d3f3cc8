import { describe, expect, test } from 'vitest';
import { normaliseL2 } from '../../core/descriptors.ts';
import { NEAREST, type VectorSet } from '../../core/nearest-rows.ts';
import { retrieve } from '../../eval/retrieval.ts';
import { createRandom } from '../../model-build/random.ts';

/** Points on a circle, at these degrees: the nearer in angle, the nearer. */
function circle(...degrees: readonly number[]): VectorSet {
  const values = degrees.flatMap((degree) => [
    Math.cos((degree * Math.PI) / 180),
    Math.sin((degree * Math.PI) / 180),
  ]);
  return { rows: degrees.length, width: 2, values: Float32Array.from(values) };
}

test('by hand: two classes that mix', () => {
  const { figures, nearest } = retrieve(circle(0, 10, 25, 90), Int32Array.of(0, 1, 0, 1));
  // 0° asks: 10° wrong, 25° right → 1/2. 10°: 0°, 25° wrong, 90° right → 1/3. 25°: 10° wrong, 0° right → 1/2.
  // 90°: 25° wrong, 10° right → 1/2.
  expect(figures?.meanAveragePrecision).toBeCloseTo((1 / 2 + 1 / 3 + 1 / 2 + 1 / 2) / 4, 6);
  expect(figures?.recallAt).toEqual({ 1: 0, 5: 1, 10: 1 });
  // Three others in all: one of them right.
  expect(figures?.precisionAt10).toBeCloseTo(1 / 3, 6);
  expect(figures?.queries).toBe(4);
  expect([...nearest.subarray(0, NEAREST)]).toEqual([1, 2, 3, -1, -1, -1, -1, -1, -1, -1]);
});

test('classes that lie apart are found without fault', () => {
  const { figures } = retrieve(circle(0, 1, 2, 100, 101, 102), Int32Array.of(0, 0, 0, 1, 1, 1));
  expect(figures?.meanAveragePrecision).toBe(1);
  expect(figures?.recallAt[1]).toBe(1);
});

test('equal cosines: the other class counts as nearer, so that vectors all alike are worth nothing', () => {
  const { figures } = retrieve(circle(5, 5, 5, 5), Int32Array.of(0, 0, 1, 1));
  expect(figures?.meanAveragePrecision).toBeCloseTo(1 / 3, 6);
});

test('a photograph alone in its class does not ask; without any that asks there are no figures', () => {
  expect(retrieve(circle(0, 1, 90), Int32Array.of(0, 0, 1)).figures?.queries).toBe(2);
  expect(retrieve(circle(0, 1), Int32Array.of(0, 1)).figures).toBeNull();
  expect(retrieve(circle(0, 1), null).figures).toBeNull();
});

describe('against the definition, written out', () => {
  test.each([
    [40, 7, 4],
    [101, 33, 5],
  ])('%i vectors of %i values in %i classes', (rows, width, count) => {
    const random = createRandom(rows);
    const vectors = Array.from({ length: rows }, () =>
      normaliseL2(Float32Array.from({ length: width }, () => random() - 0.4)),
    );
    const classes = Int32Array.from({ length: rows }, () => Math.floor(random() * count));
    const values = Float32Array.from(vectors.flatMap((vector) => [...vector]));
    const { figures, nearest } = retrieve({ rows, width, values }, classes);

    let average = 0;
    let ten = 0;
    vectors.forEach((query, self) => {
      const order = vectors
        .map((vector, row) => ({
          row,
          cosine: vector.reduce((sum, value, at) => sum + value * (query[at] ?? 0), 0),
        }))
        .filter(({ row }) => row !== self)
        .toSorted((a, b) => b.cosine - a.cosine);
      const right = order.map(({ row }) => classes[row] === classes[self]);
      const precisions = right.flatMap((hit, rank) =>
        hit ? [right.slice(0, rank + 1).filter(Boolean).length / (rank + 1)] : [],
      );
      average += precisions.reduce((sum, value) => sum + value, 0) / precisions.length / rows;
      ten += right.slice(0, 10).filter(Boolean).length / 10 / rows;
      expect([...nearest.subarray(self * NEAREST, (self + 1) * NEAREST)]).toEqual(
        order.slice(0, NEAREST).map(({ row }) => row),
      );
    });
    expect(figures?.meanAveragePrecision).toBeCloseTo(average, 5);
    expect(figures?.precisionAt10).toBeCloseTo(ten, 5);
  });
});
