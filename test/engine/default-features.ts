// The features that the default model gives for a sample photograph, from its file to its hash, in Node.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEmbedder } from '../../core/embedder.ts';
import { createEdgeDecoder } from '../../engine/edge/decode.ts';
import { createOrtWebEngine } from '../../engine/edge/engine.ts';
import { readManifest } from '../../engine/model-file.ts';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { compileOrtWebWasm } from '../../engine/node/ort-web-wasm.ts';
import { decoderModules } from './modules.ts';

const ROOT = join(import.meta.dirname, '../..');

export const DEFAULT_MODEL = join(ROOT, 'models/default');
const PHOTO = 'samples/cat.jpg';

export interface Features {
  /** The model's id. */
  readonly model: string;
  readonly photo: string;
  /** Of the float32 values' little-endian bytes. */
  readonly sha256: string;
}

export async function defaultFeatures(directory: string): Promise<Features> {
  const files = diskFiles(directory);
  const { manifest, id } = await readManifest(files);
  const now = () => performance.now();
  const engine = createOrtWebEngine({ manifest, files, wasm: await compileOrtWebWasm(), now });
  const embedder = createEmbedder({
    decoder: createEdgeDecoder(decoderModules()),
    engine,
    sizes: manifest.preprocess,
    limits: { maxBytes: 1e7, maxPixels: 1e7 },
    batchSize: 1,
    now,
  });
  const photo = readFileSync(join(ROOT, PHOTO));
  const descriptor = { layer: 'features', pool: 'none', normalize: false } as const;
  const { outcomes } = await embedder.embed([{ read: () => photo }], descriptor);
  await engine.dispose();
  const [outcome] = outcomes;
  if (outcome === undefined || 'error' in outcome) throw outcome?.error;
  const { buffer, byteOffset, byteLength } = outcome.value;
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return { model: id, photo: PHOTO, sha256: createHash('sha256').update(bytes).digest('hex') };
}
