// The tiny model of test/golden/models/tiny (a narrow VGG of seeded weights, as the model build wrote it)
// in memory, where files can be watched and damaged.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../core/manifest.ts';
import { parseManifest } from '../../core/parse-manifest.ts';
import type { Digest, ImageBatch, ModelFiles } from '../../core/ports.ts';
import { noise } from '../core/noise.ts';

const DIRECTORY = join(import.meta.dirname, '../golden/models/tiny');
const CROP = 224;

export interface TinyModel {
  readonly manifest: Manifest;
  /** By file name. */
  readonly content: ReadonlyMap<string, Uint8Array>;
}

export function tinyModel(): TinyModel {
  const content = new Map(
    readdirSync(DIRECTORY).map((file) => [file, new Uint8Array(readFileSync(join(DIRECTORY, file)))]),
  );
  return { manifest: parseManifest(new TextDecoder().decode(content.get('model.json'))), content };
}

/** The files, with every opening written down, and each open to interference. */
export function memoryFiles(
  content: ReadonlyMap<string, Uint8Array>,
  interfere: (file: string, bytes: Uint8Array) => Uint8Array = (_, bytes) => bytes,
): ModelFiles & { readonly opened: string[] } {
  const opened: string[] = [];
  return {
    opened,
    async open(file) {
      opened.push(file);
      return pieces(interfere(file, content.get(file) ?? new Uint8Array()));
    },
    sha256: nodeSha256,
  };
}

/** A batch of noise, uint8 [images, 224, 224, 3]. */
export function tinyBatch(images: number, seed: number): ImageBatch {
  return { images, size: CROP, data: noise(images * CROP * CROP * 3, seed) };
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const step = Math.max(1, Math.ceil(bytes.length / 3));
  for (let start = 0; start < bytes.length; start += step) yield bytes.subarray(start, start + step);
}

function nodeSha256(): Digest {
  const hash = createHash('sha256');
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    hex: async () => hash.digest('hex'),
  };
}
