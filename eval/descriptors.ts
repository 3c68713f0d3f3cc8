// Vectors in the cache → what search would store: pooled, at length 1, and where a projection was fitted,
// projected.

import { normaliseL2, type Pool, poolMap } from '../core/descriptors.ts';
import type { VectorSet } from '../core/nearest-rows.ts';
import { type Projection, project } from '../core/projection.ts';
import type { Tap } from '../core/taps.ts';
import type { Extracted } from './extract.ts';
import type { Extractor } from './extractor.ts';
import type { VectorCache } from './vector-cache.ts';

export interface MeasuredDescriptor {
  readonly layer: Tap;
  readonly pool: Pool;
}

/** Every tap, and every pooling of the one that has a map. */
export const DESCRIPTORS: readonly MeasuredDescriptor[] = [
  { layer: 'features', pool: 'avg' },
  { layer: 'features', pool: 'max' },
  { layer: 'features', pool: 'gem' },
  { layer: 'features', pool: 'rmac' },
  { layer: 'features', pool: 'none' },
  { layer: 'fc6', pool: 'none' },
  { layer: 'fc7', pool: 'none' },
  { layer: 'scores', pool: 'none' },
];

/** `features avg`, `fc6`. */
export function descriptorName({ layer, pool }: MeasuredDescriptor): string {
  return pool === 'none' ? layer : `${layer} ${pool}`;
}

export interface VectorSource {
  readonly cache: VectorCache;
  readonly extractor: Extractor;
  readonly photos: readonly Extracted[];
}

/** One row for each photograph, as `transform` makes it. */
export async function loadRows(
  { cache, extractor, photos }: VectorSource,
  output: string,
  transform: (values: Float32Array) => Float32Array,
): Promise<VectorSet> {
  let values = new Float32Array();
  let width = 0;
  for (const [row, { hash }] of photos.entries()) {
    const vector = transform(await cache.read(extractor, hash, output));
    if (row === 0) {
      width = vector.length;
      values = new Float32Array(photos.length * width);
    }
    values.set(vector, row * width);
  }
  return { rows: photos.length, width, values };
}

/** The descriptor of each photograph at length 1. */
export function loadDescriptors(
  source: VectorSource,
  { layer, pool }: MeasuredDescriptor,
): Promise<VectorSet> {
  return loadRows(source, layer, (values) => normaliseL2(poolMap(values, pool)));
}

/** Each row projected, at length 1. */
export function projectRows({ rows, width, values }: VectorSet, projection: Projection): VectorSet {
  const dimensions = projection.matrix.length / width;
  const projected = new Float32Array(rows * dimensions);
  for (let row = 0; row < rows; row += 1) {
    const vector = project(values.subarray(row * width, (row + 1) * width), projection);
    projected.set(normaliseL2(vector), row * dimensions);
  }
  return { rows, width: dimensions, values: projected };
}

/** The rows one by one, as fitting takes them. */
export function rowsOf({ rows, width, values }: VectorSet): Float32Array[] {
  return Array.from({ length: rows }, (_, row) => values.subarray(row * width, (row + 1) * width));
}
