// The model in a browser: manifest, decoders, engine and descriptor, put together as the API does it, so that
// the vectors are the same.

import { createEmbedder, type Embedder } from '../core/embedder.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Engine } from '../core/ports.ts';
import { createDescriber, type Describer, indexDescriptor } from '../engine/describer.ts';
import { createEdgeDecoder } from '../engine/edge/decode.ts';
import { readManifest } from '../engine/model-file.ts';
import { openProjections } from '../engine/model-projections.ts';
import { createWinogradEngine } from '../engine/winograd/engine.ts';
import type { GpuChoice } from './gpu-engine.ts';
import { compile, createModelDownload } from './model-download.ts';
import type { Progress } from './model-messages.ts';

/** As the API's defaults (wrangler.toml). */
const LIMITS = { maxBytes: 10 * 1024 * 1024, maxPixels: 50_000_000 };
const MEGABYTE = 1e6;
const now = () => performance.now();

export interface LocalModel {
  readonly id: string;
  readonly manifest: Manifest;
  readonly engine: Engine;
  /** Why this engine, in a sentence. */
  readonly reason: string;
  readonly embedder: Embedder;
  /** What an index of the server holds by default. */
  readonly describer: Describer;
}

export interface LocalModelOptions {
  readonly onProgress: (progress: Progress) => void;
  /** Chooses between our kernel and WebGPU; absent where there is no WebGPU, or it has failed. */
  readonly chooseGpu: GpuChoice | undefined;
  /** Why `chooseGpu` is absent. */
  readonly withoutGpu: string;
}

export async function loadModel(options: LocalModelOptions): Promise<LocalModel> {
  const { onProgress, chooseGpu, withoutGpu } = options;
  onProgress({ text: 'Fetching the model …', done: 0, total: 0 });
  let total = 0;
  const download = createModelDownload((bytes) => {
    // A small model is there before anybody has read a figure.
    if (total < MEGABYTE) return;
    const text = `Fetching the model: ${(bytes / MEGABYTE).toFixed(0)} of ${(total / MEGABYTE).toFixed(0)} MB …`;
    onProgress({ text, done: Math.min(bytes, total), total });
  });
  const { files } = download;
  const { manifest, id } = await readManifest(files);
  download.under(id);
  total = manifest.shards.reduce((sum, { bytes }) => sum + bytes, 0);
  const [kernel, jpeg, webp] = await Promise.all([compile('kernel'), compile('jpeg-turbo'), compile('webp')]);
  onProgress({ text: 'Starting the model …', done: 0, total: 0 });
  const edge = createWinogradEngine({ manifest, files, kernel, now });
  const { engine, reason } =
    chooseGpu === undefined
      ? { engine: edge, reason: `${edge.name}: ${withoutGpu}` }
      : await chooseGpu({ edge, manifest, files, now });
  const decoder = createEdgeDecoder({ jpeg, webp });
  const sizes = manifest.preprocess;
  const embedder = createEmbedder({ decoder, engine, sizes, limits: LIMITS, batchSize: 1, now });
  const projections = openProjections(files, id);
  const describer = await createDescriber(
    { ...indexDescriptor(manifest), normalize: true },
    { manifest, projections },
  );
  return { id, manifest, engine, reason, embedder, describer };
}
