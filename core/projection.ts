// Fewer dimensions by PCA-whitening that was fitted to a model's own descriptors: the file format and the
// arithmetic. Fitting is search/fit-projection.ts; without a fitted projection `dimensions` is refused,
// because the first n of 25,088 values are no smaller embedding, only a piece of one.

import * as z from 'zod';
import { POOLS, type Pool } from './descriptors.ts';
import { InputError, ModelError } from './errors.ts';
import { MAX_SHARD_BYTES } from './manifest.ts';
import { TAPS, type Tap } from './taps.ts';

/** Stands beside model.json. */
export const PROJECTIONS_FILE = 'projections.json';
export const PROJECTIONS_VERSION = 1;

const entry = z.strictObject({
  layer: z.enum(TAPS),
  pool: z.enum(POOLS),
  /** Values of the descriptor that goes in. */
  inputs: z.int().min(1).max(1_000_000),
  /** Values that come out. */
  dimensions: z.int().min(1).max(4096),
  file: z.string().regex(/^projection-[a-z0-9-]{1,64}\.bin$/),
  bytes: z.int().min(1).max(MAX_SHARD_BYTES),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Images it was fitted to. */
  images: z.int().min(2),
  /** Share of the descriptors' variance that is kept, 0…1. */
  explainedVariance: z.number().min(0).max(1),
});

const schema = z.strictObject({
  format: z.literal('vgg-edge-projections'),
  formatVersion: z.literal(PROJECTIONS_VERSION),
  /** Id of the model whose descriptors were fitted. */
  model: z.string(),
  projections: z.array(entry).max(64),
});

export type Projections = z.infer<typeof schema>;
export type ProjectionEntry = z.infer<typeof entry>;

/** The file is little-endian float32: mean [inputs], then matrix [dimensions, inputs]. */
export interface Projection {
  readonly mean: Float32Array;
  readonly matrix: Float32Array;
}

/** Bytes of the file of a projection. */
export function projectionBytes({
  inputs,
  dimensions,
}: Pick<ProjectionEntry, 'inputs' | 'dimensions'>): number {
  return (1 + dimensions) * inputs * 4;
}

export function projectionFileName({ layer, pool, dimensions }: ProjectionKey): string {
  return `projection-${layer}-${pool}-${dimensions}.bin`;
}

/** Identity of a projection in answers: what it maps from and to, and the first hex digits of its file's hash. */
export function projectionId(projection: ProjectionEntry): string {
  const { layer, pool, dimensions, sha256 } = projection;
  return `${layer}-${pool}-${dimensions}@${sha256.slice(0, 12)}`;
}

/**
 * projections.json, checked. Throws ModelError('invalid_manifest') when it is malformed or was fitted to
 * another model.
 */
export function parseProjections(json: string, model: string): Projections {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw invalid('Expected JSON', cause);
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw invalid(`At '${issue?.path.join('.') ?? ''}': ${issue?.message ?? 'unknown'}`);
  }
  if (result.data.model !== model) throw invalid(`Expected model ${model} but found ${result.data.model}`);
  for (const projection of result.data.projections) {
    const expected = projectionBytes(projection);
    if (projection.bytes !== expected) {
      throw invalid(`Expected ${expected} bytes for ${projection.file} but found ${projection.bytes}`);
    }
  }
  return result.data;
}

export interface ProjectionKey {
  readonly layer: Tap;
  readonly pool: Pool;
  readonly dimensions: number;
}

/** The entry that fits. Throws InputError('invalid_option') that lists what there is. */
export function findProjection(
  { projections }: { readonly projections: readonly ProjectionEntry[] },
  wanted: ProjectionKey,
): ProjectionEntry {
  const { layer, pool, dimensions } = wanted;
  const same = projections.filter((projection) => projection.layer === layer && projection.pool === pool);
  const found = same.find((projection) => projection.dimensions === dimensions);
  if (found !== undefined) return found;
  const fitted = same.map((projection) => projection.dimensions).toSorted((a, b) => a - b);
  throw new InputError(
    'invalid_option',
    `Expected ${fitted.length > 0 ? `one of ${fitted.join(', ')}` : 'no value'} for dimensions with layer ${layer} and pool ${pool} but found ${dimensions}. ` +
      `Other sizes need a projection: vgg-edge fit --layer ${layer} --pool ${pool} --dimensions ${dimensions}.`,
    { param: 'dimensions' },
  );
}

/** The file's bytes as a projection. Throws ModelError('corrupt_shard') when the length is wrong. */
export function readProjection(bytes: Uint8Array, projection: ProjectionEntry): Projection {
  const { inputs, dimensions, file } = projection;
  if (bytes.length !== projectionBytes(projection)) {
    throw new ModelError(
      'corrupt_shard',
      `Expected ${projectionBytes(projection)} bytes for ${file} but found ${bytes.length}.`,
    );
  }
  // Copied only where they lie at an odd offset: there may be 20 MiB of them.
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const values = new Float32Array(buffer, byteOffset, length / 4);
  return { mean: values.subarray(0, inputs), matrix: values.subarray(inputs, inputs * (1 + dimensions)) };
}

/** The file of a projection. */
export function writeProjection({ mean, matrix }: Projection): Uint8Array {
  const values = new Float32Array(mean.length + matrix.length);
  values.set(mean);
  values.set(matrix, mean.length);
  return new Uint8Array(values.buffer);
}

/**
 * matrix · (vector − mean), float32 [dimensions]. The vector is the descriptor at length 1, as it was when
 * fitting. Throws InputError for a vector of another length.
 */
export function project(vector: Float32Array, { mean, matrix }: Projection): Float32Array {
  const inputs = mean.length;
  if (vector.length !== inputs) {
    throw new InputError(
      'invalid_argument',
      `Expected ${inputs} values for the vector to project but found ${vector.length}.`,
    );
  }
  const centred = vector.map((value, index) => value - (mean[index] ?? 0));
  return Float32Array.from({ length: matrix.length / inputs }, (_, row) => {
    let sum = 0;
    const start = row * inputs;
    for (let index = 0; index < inputs; index += 1)
      sum += (matrix[start + index] ?? 0) * (centred[index] ?? 0);
    return sum;
  });
}

function invalid(message: string, cause?: unknown): ModelError {
  return new ModelError(
    'invalid_manifest',
    `${PROJECTIONS_FILE}: ${message}. Fit it again with 'vgg-edge fit'.`,
    { cause },
  );
}
