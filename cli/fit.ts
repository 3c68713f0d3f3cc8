// vgg-edge fit: PCA-whitening for the option `dimensions`, fitted to photographs and stored beside the model.

import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { POOLS } from '../core/descriptors.ts';
import { createEmbedder } from '../core/embedder.ts';
import { InputError, messageOf } from '../core/errors.ts';
import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import { MAX_SHARD_BYTES } from '../core/manifest.ts';
import {
  PROJECTIONS_FILE,
  PROJECTIONS_VERSION,
  type ProjectionEntry,
  type Projections,
  parseProjections,
  projectionBytes,
  projectionFileName,
  writeProjection,
} from '../core/projection.ts';
import { TAPS } from '../core/taps.ts';
import { readManifest } from '../engine/model-file.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { createRandom } from '../model-build/random.ts';
import { type FittedProjection, fitProjection } from '../search/fit-projection.ts';
import { nodeEngine } from '../server/node-engines.ts';
import { type Command, onlyArgument, required, UsageError, type Values, wholeNumber } from './command.ts';
import { readDescriptor } from './photo-embedder.ts';
import { listPhotoFiles, spread } from './photo-folder.ts';
import { createProgress } from './progress.ts';

interface FitOptions {
  readonly layer: ProjectionEntry['layer'];
  readonly pool: ProjectionEntry['pool'];
  /** Ascending. */
  readonly dimensions: readonly number[];
}

export const fit: Command = {
  name: 'fit',
  summary: 'Fits PCA-whitening to photographs, so that embeddings can have fewer dimensions.',
  usage: 'MODEL_DIR --images FOLDER --dimensions N,N,… [options]',
  options: {
    images: { type: 'string', value: 'FOLDER', description: 'photographs like those that will be searched' },
    dimensions: { type: 'string', value: 'N,N,…', description: 'values of the vectors: 128,256,512' },
    layer: { type: 'string', value: 'LAYER', description: `one of ${TAPS.join(', ')} (default features)` },
    pool: {
      type: 'string',
      value: 'POOL',
      description: `one of ${POOLS.join(', ')} (default gem for features)`,
    },
    limit: { type: 'string', value: 'N', description: 'fits to N of the photographs (default: all)' },
    seed: { type: 'string', value: 'N', description: 'start of the iteration (default 1)' },
  },
  examples: [
    'vgg-edge fit models/default --images photos --dimensions 128,256,512',
    'vgg-edge fit models/default --images photos --dimensions 256 --layer fc6',
  ],
  async run(positionals, values) {
    const directory = onlyArgument(positionals, 'a model directory');
    const folder = required(values, 'images');
    const options = readOptions(values);
    const files = diskFiles(directory);
    const { manifest, id } = await readManifest(files);
    const largest = options.dimensions.at(-1) ?? 0;

    const photos = spread(await listPhotoFiles(folder), wholeNumber(values, 'limit', { min: 2 }));
    if (photos.length <= largest) throw tooFew(largest, photos.length, folder);
    const createEngine = await nodeEngine('winograd', directory);
    const now = () => performance.now();
    const embedder = createEmbedder({
      decoder: await createNodeDecoder(),
      engine: createEngine(manifest, files),
      sizes: manifest.preprocess,
      limits: LOCAL_IMAGE_LIMITS,
      batchSize: 1,
      now,
    });
    const progress = createProgress();
    const vectors: Float32Array[] = [];
    for (const [index, photo] of photos.entries()) {
      const descriptor = { layer: options.layer, pool: options.pool, normalize: true };
      const { outcomes } = await embedder.embed([photo], descriptor);
      const [outcome] = outcomes;
      if (outcome !== undefined && 'value' in outcome) vectors.push(outcome.value.slice());
      else console.error(`left out ${photo.name}: ${messageOf(outcome?.error)}`);
      progress.update('embedding', index + 1, photos.length);
    }
    const inputs = vectors[0]?.length ?? 0;
    checkSize(inputs, largest);
    const fitted = fitProjection(vectors, largest, createRandom(wholeNumber(values, 'seed') ?? 1));
    const entries = await writeProjections(directory, id, options, fitted, vectors.length);
    console.log(`${vectors.length} of ${photos.length} photographs, ${inputs} values each`);
    for (const { dimensions, explainedVariance, file } of entries) {
      console.log(
        `${file}: ${dimensions} dimensions keep ${(explainedVariance * 100).toFixed(1)} % of the variance`,
      );
    }
  },
};

function readOptions(values: Values): FitOptions {
  const { layer, pool } = readDescriptor(values);
  const sizes = required(values, 'dimensions').split(',').map(Number);
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 1 && size <= 4096)) {
    throw new UsageError('Expected whole numbers from 1 to 4096, separated by commas, for --dimensions.');
  }
  return { layer, pool, dimensions: [...new Set(sizes)].toSorted((a, b) => a - b) };
}

/** Known before an hour of embedding, not after. */
function tooFew(dimensions: number, found: number, folder: string): InputError {
  return new InputError(
    'invalid_argument',
    `Expected more than ${dimensions} images to fit ${dimensions} dimensions but found ${found} in ${folder}. Give more photographs or fewer dimensions.`,
    { param: 'dimensions' },
  );
}

function checkSize(inputs: number, dimensions: number): void {
  const bytes = projectionBytes({ inputs, dimensions });
  if (bytes <= MAX_SHARD_BYTES) return;
  throw new InputError(
    'invalid_argument',
    `Expected a projection of at most ${MAX_SHARD_BYTES} bytes, which an edge deployment can hold, but ${inputs} → ${dimensions} values need ${bytes}. Choose a --pool, or fewer --dimensions.`,
    { param: 'dimensions' },
  );
}

/** A smaller fit is the first rows of the largest. Files are complete before the list names them. */
async function writeProjections(
  directory: string,
  model: string,
  { layer, pool, dimensions }: FitOptions,
  { mean, matrix, explained }: FittedProjection,
  images: number,
): Promise<readonly ProjectionEntry[]> {
  const entries: ProjectionEntry[] = [];
  for (const size of dimensions) {
    const bytes = writeProjection({ mean, matrix: matrix.subarray(0, size * mean.length) });
    const file = projectionFileName({ layer, pool, dimensions: size });
    await replace(join(directory, file), bytes);
    entries.push({
      layer,
      pool,
      inputs: mean.length,
      dimensions: size,
      file,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      images,
      explainedVariance: explained[size - 1] ?? 0,
    });
  }
  const before = await readProjections(directory, model);
  const others = before.filter(({ file }) => !entries.some((entry) => entry.file === file));
  const list: Projections = {
    format: 'vgg-edge-projections',
    formatVersion: PROJECTIONS_VERSION,
    model,
    projections: [...others, ...entries],
  };
  const json = `${JSON.stringify(list, undefined, 2)}\n`;
  await replace(join(directory, PROJECTIONS_FILE), new TextEncoder().encode(json));
  return entries;
}

/** Those of another model, or none, count as none: they could not be served. */
async function readProjections(directory: string, model: string): Promise<readonly ProjectionEntry[]> {
  try {
    return parseProjections(await readFile(join(directory, PROJECTIONS_FILE), 'utf8'), model).projections;
  } catch {
    return [];
  }
}

/** Nothing half-written is ever seen. */
async function replace(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
}
