// projections.json and the arithmetic of a projection.

import { describe, expect, test } from 'vitest';
import {
  findProjection,
  type ProjectionEntry,
  parseProjections,
  project,
  projectionFileName,
  projectionId,
  readProjection,
  writeProjection,
} from '../../core/projection.ts';

const MODEL = 'default@0123456789ab';
const ENTRY: ProjectionEntry = {
  layer: 'features',
  pool: 'gem',
  inputs: 3,
  dimensions: 2,
  file: 'projection-features-gem-2.bin',
  bytes: 36,
  sha256: 'ab'.repeat(32),
  images: 100,
  explainedVariance: 0.9,
};
const file = (change: object = {}, entry: object = {}) =>
  JSON.stringify({
    format: 'vgg-edge-projections',
    formatVersion: 1,
    model: MODEL,
    projections: [{ ...ENTRY, ...entry }],
    ...change,
  });

test('a good file is read; names and ids follow from its entries', () => {
  const { projections } = parseProjections(file(), MODEL);
  expect(projections).toEqual([ENTRY]);
  expect(projectionFileName(ENTRY)).toBe(ENTRY.file);
  expect(projectionId(ENTRY)).toBe('features-gem-2@abababababab');
});

test.each([
  ['no JSON', '{', 'Expected JSON'],
  ['another format', file({ format: 'x' }), "At 'format'"],
  ['a version to come', file({ formatVersion: 2 }), "At 'formatVersion'"],
  ['another model', file({ model: 'other@0123456789ab' }), `Expected model ${MODEL}`],
  ['a file elsewhere', file({}, { file: '../projection-a.bin' }), "At 'projections.0.file'"],
  ['bytes that do not fit the shape', file({}, { bytes: 35 }), 'Expected 36 bytes'],
  ['a projection too large to serve', file({}, { bytes: 2 ** 30 }), "At 'projections.0.bytes'"],
  ['an unknown field', file({ extra: 1 }), 'Unrecognized key'],
])('%s: refused', (_, json, message) => {
  expect(() => parseProjections(json, MODEL)).toThrow(message);
});

describe('looking one up', () => {
  const projections = { projections: [ENTRY, { ...ENTRY, dimensions: 1 }] };

  test('finds exactly what was asked for', () => {
    expect(findProjection(projections, { layer: 'features', pool: 'gem', dimensions: 2 })).toBe(ENTRY);
  });

  test.each([
    [{ layer: 'features', pool: 'gem', dimensions: 3 }, 'Expected one of 1, 2 for dimensions'],
    [{ layer: 'features', pool: 'avg', dimensions: 2 }, 'Expected no value for dimensions'],
    [{ layer: 'fc6', pool: 'none', dimensions: 2 }, 'vgg-edge fit --layer fc6'],
  ] as const)('%o: %s', (wanted, message) => {
    expect(() => findProjection(projections, wanted)).toThrow(message);
  });
});

describe('projecting', () => {
  const projection = { mean: Float32Array.of(1, 1, 1), matrix: Float32Array.of(1, 0, 0, 0, 2, -1) };

  test('centres, then multiplies', () => {
    expect([...project(Float32Array.of(3, 2, 5), projection)]).toEqual([2, -2]);
  });

  test('survives the file, at any offset', () => {
    const bytes = new Uint8Array([9, ...writeProjection(projection)]).subarray(1);
    expect(readProjection(bytes, ENTRY)).toEqual(projection);
  });

  test('a cut file and a vector of another length are refused', () => {
    expect(() => readProjection(new Uint8Array(35), ENTRY)).toThrow('Expected 36 bytes');
    expect(() => project(new Float32Array(4), projection)).toThrow('Expected 3 values');
  });
});
