// Photographs → vectors in this process, for the subcommands that index, search and find duplicates.

import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { POOLS, type Pool } from '../core/descriptors.ts';
import { createEmbedder, type Embedder } from '../core/embedder.ts';
import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import type { Manifest } from '../core/manifest.ts';
import { TAPS, type Tap } from '../core/taps.ts';
import type { VectorSpace } from '../core/vector-store.ts';
import { createDescriber } from '../engine/describer.ts';
import { readManifest } from '../engine/model-file.ts';
import { openProjections } from '../engine/model-projections.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { createWinogradEngine } from '../engine/winograd/engine.ts';
import { type Option, oneOf, text, UsageError, type Values, wholeNumber } from './command.ts';

/** The one that comes with vgg-edge, wherever the command runs. */
export const DEFAULT_MODEL = relative('', fileURLToPath(new URL('../models/default', import.meta.url)));
const KERNEL = new URL('../engine/winograd/kernel.wasm', import.meta.url);

/** The options that say what a vector is. */
export const DESCRIPTOR_OPTIONS: Readonly<Record<'model' | 'layer' | 'pool' | 'dimensions', Option>> = {
  model: {
    type: 'string',
    value: 'DIR',
    description: 'the model directory (default: models/default of vgg-edge)',
  },
  layer: {
    type: 'string',
    value: 'LAYER',
    description: `one of ${TAPS.join(', ')} (default: the model's own, else features)`,
  },
  pool: {
    type: 'string',
    value: 'POOL',
    description: `one of ${POOLS.join(', ')} (default: the model's own, else gem)`,
  },
  dimensions: {
    type: 'string',
    value: 'N',
    description: 'values of the vectors, where vgg-edge fit has fitted so many (default: all)',
  },
};

export interface PhotoEmbedder {
  readonly space: VectorSpace;
  /** Of Euclidean length 1; an error for each photo that has none. */
  readonly embed: (photos: readonly (() => Promise<Uint8Array>)[]) => Promise<readonly Embedded[]>;
  close(): Promise<void>;
}

export type Embedded = { readonly value: Float32Array } | { readonly error: unknown };

/** What was asked for; else what the model's maker found best (its manifest); else pooled features. */
export function readDescriptor(
  values: Values,
  { defaultDescriptor }: Pick<Manifest, 'defaultDescriptor'> = {},
): { layer: Tap; pool: Pool } {
  if (text(values, 'layer') === undefined && text(values, 'pool') === undefined && defaultDescriptor) {
    return defaultDescriptor;
  }
  const layer = oneOf(TAPS, text(values, 'layer') ?? 'features', 'layer');
  const pool = oneOf(POOLS, text(values, 'pool') ?? (layer === 'features' ? 'gem' : 'none'), 'pool');
  if (layer !== 'features' && pool !== 'none') {
    throw new UsageError(`Expected no --pool with the layer ${layer}: only features is a map.`);
  }
  return { layer, pool };
}

/** Undefined for all that the descriptor has. Throws UsageError. */
export function readDimensions(values: Values): number | undefined {
  return wholeNumber(values, 'dimensions', { min: 1 });
}

/** Throws InputError for dimensions that were not fitted, ModelError, SourceError where the model cannot be loaded, UsageError for the options. */
export async function openPhotoEmbedder(values: Values): Promise<PhotoEmbedder> {
  const files = diskFiles(text(values, 'model') ?? DEFAULT_MODEL);
  const { manifest, id } = await readManifest(files);
  const { layer, pool } = readDescriptor(values, manifest);
  const descriptor = { layer, pool, normalize: true, dimensions: readDimensions(values) };
  const describer = await createDescriber(descriptor, { manifest, projections: openProjections(files, id) });
  const now = () => performance.now();
  const kernel = new WebAssembly.Module(await readFile(KERNEL));
  const engine = createWinogradEngine({ manifest, files, kernel, now });
  const embedder: Embedder = createEmbedder({
    decoder: await createNodeDecoder(),
    engine,
    sizes: manifest.preprocess,
    limits: LOCAL_IMAGE_LIMITS,
    batchSize: 4,
    now,
  });
  return {
    space: describer.space(id),
    async embed(photos) {
      const sources = photos.map((read) => ({ read }));
      const { outcomes } = await embedder.run(sources, [layer]);
      return outcomes.map((outcome) =>
        'error' in outcome ? outcome : { value: describer.describe(outcome.value).slice() },
      );
    },
    close: () => engine.dispose(),
  };
}
