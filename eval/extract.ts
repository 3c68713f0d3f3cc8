// Photographs → vectors in the cache: read, hash, and where something is missing decode, prepare and run.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import type { ImageBatch, ImageDecoder } from '../core/ports.ts';
import { prepareImage } from '../core/prepare-image.ts';
import type { PreprocessSizes } from '../core/preprocess.ts';
import { type Extractor, valuesPerImage } from './extractor.ts';
import type { Photo } from './photos.ts';
import type { VectorCache } from './vector-cache.ts';

export interface ExtractParts {
  readonly decoder: ImageDecoder;
  readonly sizes: PreprocessSizes;
  readonly cache: VectorCache;
  readonly extractors: readonly Extractor[];
  /** After each group: photographs done. */
  readonly progress: (done: number) => void;
}

/** A photograph whose vectors are in the cache. */
export interface Extracted extends Photo {
  /** SHA-256 of its bytes, hex. */
  readonly hash: string;
}

export interface FailedPhoto {
  readonly name: string;
  readonly reason: string;
}

export interface Extraction {
  readonly photos: readonly Extracted[];
  /** Those that could not be read, decoded or prepared. */
  readonly failed: readonly FailedPhoto[];
}

/** Enough for the float runtime to work in parallel, little enough to lose when broken off. */
const GROUP = 16;

export async function extract(photos: readonly Photo[], parts: ExtractParts): Promise<Extraction> {
  const extracted: Extracted[] = [];
  const failed: FailedPhoto[] = [];
  for (let start = 0; start < photos.length; start += GROUP) {
    const group = await Promise.all(photos.slice(start, start + GROUP).map((photo) => prepare(photo, parts)));
    await Promise.all(parts.extractors.map((extractor) => runGroup(extractor, group, parts.cache)));
    for (const item of group) {
      if ('reason' in item) failed.push(item);
      else extracted.push(item.photo);
    }
    parts.progress(Math.min(start + GROUP, photos.length));
  }
  return { photos: extracted, failed };
}

interface Prepared {
  readonly photo: Extracted;
  /** Of the extractors that lack this photograph; undefined where none does. */
  readonly pixels: ImageBatch | undefined;
  readonly missing: ReadonlySet<Extractor>;
}

async function prepare(photo: Photo, parts: ExtractParts): Promise<Prepared | FailedPhoto> {
  const { decoder, sizes, cache, extractors } = parts;
  try {
    const bytes = await readFile(photo.path);
    const hash = createHash('sha256').update(bytes).digest('hex');
    const missing = new Set<Extractor>();
    for (const extractor of extractors) if (!(await cache.has(extractor, hash))) missing.add(extractor);
    const pixels =
      missing.size === 0
        ? undefined
        : await prepareImage(bytes, undefined, { decoder, sizes, limits: LOCAL_IMAGE_LIMITS });
    return { photo: { ...photo, hash }, pixels, missing };
  } catch (error) {
    return { name: photo.name, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function runGroup(
  extractor: Extractor,
  group: readonly (Prepared | FailedPhoto)[],
  cache: VectorCache,
): Promise<void> {
  const items = group.flatMap((item) =>
    'pixels' in item && item.pixels !== undefined && item.missing.has(extractor)
      ? [{ hash: item.photo.hash, pixels: item.pixels }]
      : [],
  );
  const [first] = items;
  if (first === undefined) return;
  const { size } = first.pixels;
  const bytes = size * size * 3;
  const data = new Uint8Array(items.length * bytes);
  items.forEach(({ pixels }, index) => {
    data.set(pixels.data, index * bytes);
  });
  const outputs = await extractor.run({ images: items.length, size, data });
  for (const [index, { hash }] of items.entries()) {
    const values = new Float32Array(valuesPerImage(extractor));
    let offset = 0;
    extractor.outputs.forEach(({ width }, output) => {
      const rows = outputs[output] ?? new Float32Array();
      values.set(rows.subarray(index * width, (index + 1) * width), offset);
      offset += width;
    });
    await cache.write(extractor, hash, values);
  }
}
