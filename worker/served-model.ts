// The model an instance serves: loaded by the first request that needs it, once; a failure is forgotten.

import { createEmbedder, type Embedder } from '../core/embedder.ts';
import { InputError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Engine, ImageDecoder, ModelFiles } from '../core/ports.ts';
import { once } from '../core/turns.ts';
import { readManifest } from '../engine/model-file.ts';
import { type ModelProjections, openProjections } from '../engine/model-projections.ts';
import type { Limits } from './limits.ts';

export interface ServedModel {
  /** `name@` and twelve hex digits. */
  readonly id: string;
  readonly manifest: Manifest;
  readonly engine: Engine;
  readonly embedder: Embedder;
  readonly projections: ModelProjections;
  /** The most memory that the engine and, where it is the instance's own, decoding have taken: bytes. */
  peakMemoryBytes(): number;
}

export type CreateEngine = (manifest: Manifest, files: ModelFiles) => Engine;

/** The memory that an engine will take for a model. */
export type ModelBytes = (manifest: Manifest) => number;

export interface ServedModelParts {
  readonly files: ModelFiles;
  /** A promise where the choice of the engine takes a look at the machine. */
  readonly createEngine: (...model: Parameters<CreateEngine>) => Engine | Promise<Engine>;
  readonly decoder: ImageDecoder;
  /** The most memory that decoding has taken, where that is the instance's own. */
  readonly decoderPeakBytes?: () => number;
  readonly limits: Limits;
  /** Images of one request that are decoded together and run as one; 1 where memory is short. */
  readonly batchSize: number;
  readonly now: () => number;
}

/** Reads the manifest; weights are loaded by the first run. The function throws ModelError, SourceError. */
export function serveModel(parts: ServedModelParts): () => Promise<ServedModel> {
  const { files, createEngine, decoder, decoderPeakBytes = () => 0, limits, batchSize, now } = parts;
  return once(async () => {
    const { manifest, id } = await readManifest(files);
    const engine = await createEngine(manifest, files);
    const embedder = createEmbedder({
      decoder,
      engine,
      sizes: manifest.preprocess,
      limits: { maxBytes: limits.maxImageBytes, maxPixels: limits.maxImagePixels },
      batchSize,
      now,
    });
    const projections = openProjections(files, id);
    // WASM memory never shrinks: what the engine holds is the most it has held.
    const peakMemoryBytes = () => engine.memoryBytes() + decoderPeakBytes();
    return { id, manifest, engine, embedder, projections, peakMemoryBytes };
  });
}

/** Throws InputError('not_found') unless the request names this model, by id or by name, or none. */
export function checkModel(requested: string | undefined, { id, manifest }: ServedModel): void {
  if (requested === undefined || requested === id || requested === manifest.name) return;
  throw new InputError(
    'not_found',
    `Expected '${manifest.name}' or '${id}' for model but found '${requested}'. GET /v1/models lists what is served here.`,
    { param: 'model' },
  );
}
