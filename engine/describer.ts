// Descriptor options → descriptors: the layer and pool are checked against the model, `dimensions` against
// its projections. A prefix of a VGG vector means nothing, so nothing is ever cut.

import { normaliseL2, type Pool } from '../core/descriptors.ts';
import { type Descriptor, describe } from '../core/embedder.ts';
import { InputError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import { findProjection, type ProjectionEntry, project, projectionId } from '../core/projection.ts';
import type { Tap, TapOutputs } from '../core/taps.ts';
import type { VectorSpace } from '../core/vector-store.ts';
import type { ModelProjections } from './model-projections.ts';

export interface DescriptorOptions extends Descriptor {
  readonly dimensions?: number | undefined;
}

/** Of a model: what it gives, and what was fitted to that. */
export interface DescribedModel {
  readonly manifest: Manifest;
  readonly projections: ModelProjections;
}

export interface Describer {
  readonly layer: Tap;
  /** Values of the vectors it gives. */
  readonly dimensions: number;
  /** Identity of the projection, where there is one. */
  readonly projection?: string;
  /** The vector of one image's taps. */
  describe(outputs: TapOutputs): Float32Array;
  /** What an index or a run remembers of the vectors. `model` is the model's id. */
  space(model: string): VectorSpace;
}

/**
 * What an index of this model holds: what was asked for; else what the model's maker found best; else pooled
 * features.
 */
export function indexDescriptor(
  { defaultDescriptor: best }: Manifest,
  { layer, pool }: { readonly layer?: Tap | undefined; readonly pool?: Pool | undefined } = {},
): Pick<Descriptor, 'layer' | 'pool'> {
  if (layer === undefined && pool === undefined && best !== undefined) return best;
  const chosen = layer ?? 'features';
  return { layer: chosen, pool: pool ?? (chosen === 'features' ? 'gem' : 'none') };
}

/** What a descriptor takes a projection for: its length to 1 does not matter. */
type ProjectedOptions = Omit<DescriptorOptions, 'normalize'>;

/** Identity of the projection that such a descriptor needs, without loading it. Throws as createDescriber. */
export async function neededProjection(
  options: ProjectedOptions,
  model: DescribedModel,
): Promise<string | undefined> {
  const entry = await findEntry(options, model);
  return entry && projectionId(entry);
}

/** Undefined where the dimensions are the layer's own. */
async function findEntry(
  { layer, pool, dimensions }: ProjectedOptions,
  { manifest, projections }: DescribedModel,
): Promise<ProjectionEntry | undefined> {
  checkPool(layer, pool);
  if (dimensions === undefined || dimensions === vectorWidth(layer, pool, manifest)) return undefined;
  return findProjection({ projections: await projections.list() }, { layer, pool, dimensions });
}

/**
 * Throws InputError('invalid_option'): a pool without a map, a layer or dimensions the model does not have;
 * ModelError and SourceError where its projection is broken or out of reach.
 */
export async function createDescriber(options: DescriptorOptions, model: DescribedModel): Promise<Describer> {
  const { layer, pool, normalize } = options;
  const entry = await findEntry(options, model);
  const preprocess = model.manifest.preprocess.name;
  if (entry === undefined) {
    const width = vectorWidth(layer, pool, model.manifest);
    return {
      layer,
      dimensions: width,
      describe: (outputs) => describe(outputs, { layer, pool, normalize }),
      space: (id) => ({ model: id, preprocess, layer, pool, projection: null, dimensions: width }),
    };
  }
  const { dimensions } = entry;
  const loaded = await model.projections.load(entry);
  const projection = projectionId(entry);
  return {
    layer,
    dimensions,
    projection,
    space: (id) => ({ model: id, preprocess, layer, pool, projection, dimensions }),
    describe(outputs) {
      // Projections are fitted to descriptors of length 1.
      const projected = project(describe(outputs, { layer, pool, normalize: true }), loaded);
      return normalize ? normaliseL2(projected) : projected;
    },
  };
}

function checkPool(layer: Tap, pool: Pool): void {
  if (pool === 'none' || layer === 'features') return;
  throw new InputError(
    'invalid_option',
    `Expected 'none' for pool with the layer ${layer} but found '${pool}': only features is a map that can be pooled.`,
    { param: 'pool' },
  );
}

function vectorWidth(layer: Tap, pool: Pool, { taps }: Manifest): number {
  const shape = taps.find(({ name }) => name === layer)?.shape;
  if (shape === undefined) {
    throw new InputError(
      'invalid_option',
      `Expected one of ${taps.map(({ name }) => name).join(', ')} for layer but found '${layer}': this model has no such tap.`,
      { param: 'layer' },
    );
  }
  return pool === 'none' ? shape.reduce((product, side) => product * side, 1) : (shape[0] ?? 0);
}
