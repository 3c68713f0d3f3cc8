// The exact scan: against sums in float64, through growth and removal, and the kernel against its source.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { toInt8 } from '../../core/quantise-vector.ts';
import { compileScan } from '../../scripts/build-scan.ts';
import { loadScanKernel } from '../../search/node/scan-kernel.ts';
import { createScanMatrix } from '../../search/scan-matrix.ts';
import { clusteredVectors } from './vectors.ts';

const kernel = loadScanKernel();

test('scan.wasm is what its source compiles to', async () => {
  const committed = readFileSync(new URL('../../search/scan.wasm', import.meta.url));
  expect(Buffer.from(await compileScan()).equals(committed)).toBe(true);
});

/** Cosines of the query with the rows as stored. */
function truth(rows: readonly Float32Array[], query: Float32Array): number[] {
  return rows.map((row) => {
    const { values } = toInt8(row);
    const sum = values.reduce((total, value, index) => total + value * (query[index] ?? 0), 0);
    return sum / Math.hypot(...values) / Math.hypot(...query);
  });
}

function filled(dimensions: number, rows: readonly Float32Array[]) {
  const matrix = createScanMatrix(kernel, dimensions);
  rows.forEach((row, index) => {
    matrix.set(index, toInt8(row));
  });
  return matrix;
}

function scores(matrix: ReturnType<typeof filled>, query: Float32Array): number[] {
  const all: number[] = [];
  matrix.scan(query, (first, block) => {
    expect(first).toBe(all.length);
    all.push(...block);
  });
  return all;
}

describe.each([
  [1, 9],
  [15, 33],
  [32, 401],
  [512, 2050],
  [4096, 129],
  [25_088, 23],
])('%i dimensions, %i rows', (dimensions, count) => {
  const draw = clusteredVectors({ clusters: 5, dimensions, seed: dimensions });
  const rows = Array.from({ length: count }, draw);

  test('every cosine is that of the stored values, also for a query of another length', () => {
    const matrix = filled(dimensions, rows);
    for (const factor of [1, 1e-20, 1e20]) {
      const query = draw().map((value) => value * factor);
      const expected = truth(rows, query);
      scores(matrix, query).forEach((score, row) => {
        expect(Math.abs(score - (expected[row] ?? Number.NaN))).toBeLessThan(2e-4);
      });
    }
  });
});

test.each([512, 25_088])('the extremes of %i values do not overflow', (dimensions) => {
  const matrix = filled(
    dimensions,
    [1, -1].map((sign) => new Float32Array(dimensions).fill(sign)),
  );
  const [same = 0, opposite = 0] = scores(matrix, new Float32Array(dimensions).fill(0.3));
  expect(same).toBeCloseTo(1, 4);
  expect(opposite).toBeCloseTo(-1, 4);
});

describe('rows', () => {
  const axis = (index: number) => {
    const vector = new Float32Array(64);
    vector[index] = 1;
    return vector;
  };

  test('are replaced, and removed by moving the last into the gap', () => {
    const matrix = filled(64, [0, 1, 2, 3].map(axis));
    matrix.set(1, toInt8(axis(9)));
    matrix.removeBySwap(0);
    expect(matrix.rows).toBe(3);
    expect([0, 1, 2].map((row) => matrix.vector(row).indexOf(1))).toEqual([3, 9, 2]);
    matrix.removeBySwap(2);
    expect([...matrix.nearest(axis(2), 5).scores]).toEqual([0, 0]);
  });

  test('grow over many blocks, shrink to nothing and grow again', () => {
    const matrix = createScanMatrix(kernel, 4096);
    const draw = clusteredVectors({ clusters: 2, dimensions: 4096, seed: 1 });
    for (let row = 0; row < 300; row += 1) matrix.set(row, toInt8(draw()));
    const { bytes } = matrix;
    while (matrix.rows > 0) matrix.removeBySwap(matrix.rows >> 1);
    for (let row = 0; row < 300; row += 1) matrix.set(row, toInt8(draw()));
    expect(matrix.bytes).toBe(bytes);
    expect(matrix.nearest(matrix.vector(299), 1).rows).toEqual(Int32Array.of(299));
  });

  test('nearest keeps to the rows allowed and to the order of rows where scores are equal', () => {
    const matrix = filled(64, [5, 5, 7, 5, 5].map(axis));
    expect([...matrix.nearest(axis(5), 3).rows]).toEqual([0, 1, 3]);
    expect([...matrix.nearest(axis(5), 3, Uint8Array.of(0, 1, 1, 0, 1)).rows]).toEqual([1, 4, 2]);
    expect([...matrix.nearest(axis(5), 0).rows]).toEqual([]);
  });

  test('a gap or a wrong length is refused', () => {
    const matrix = createScanMatrix(kernel, 64);
    expect(() => matrix.set(1, toInt8(axis(0)))).toThrow(/row up to 0/);
    expect(() => matrix.set(0, toInt8(new Float32Array(3)))).toThrow(RangeError);
    expect(() => createScanMatrix(kernel, 32_769)).toThrow(/at most 32768/);
  });
});
