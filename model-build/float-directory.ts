// Float graphs of a model directory, for GPUs: fp16 and fp32, of its int8 weights dequantised and with its
// ranges, so that edge and GPU agree. Written into a directory that is being built, or on demand into a cache.

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest, ManifestFloatGraphs } from '../core/manifest.ts';
import { readManifest } from '../engine/model-file.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { dequantisedGraphs, type FloatPrecision } from './dequantised-graphs.ts';
import { writeGraphs } from './graph-files.ts';
import type { QuantisedNetwork } from './network.ts';
import { readModel } from './read-model.ts';
import { replaceDirectory } from './replace-directory.ts';
import { writeManifest } from './write-model.ts';

/** Which graphs are made; cached ones of an older form are left alone, and made again. */
const FORM = 2;

/** Writes `backbone.fp16.onnx`, `head.fp16.onnx` and `fp16-00001-of-0000N.bin` into the directory. */
export async function writeFloatGraphs(
  directory: string,
  network: QuantisedNetwork,
  precision: FloatPrecision,
): Promise<ManifestFloatGraphs> {
  const written = await writeGraphs(directory, dequantisedGraphs(network, precision), {
    shards: precision,
    graphs: `.${precision}.onnx`,
  });
  return { precision, graphs: written.graphs, shards: written.shards };
}

/** Where a model's float graphs lie, and a manifest that lists them. */
export interface FloatDirectory {
  readonly directory: string;
  readonly manifest: Manifest;
}

/**
 * The float graphs of a model directory: its own where it has them, otherwise those in `cache`/<model id>,
 * which are made the first time. Throws ModelError, SourceError.
 */
export async function floatDirectory(
  directory: string,
  precision: FloatPrecision,
  cache: string,
): Promise<FloatDirectory> {
  const { manifest, id, network } = await readModel(diskFiles(directory));
  if (manifest.floatGraphs.some((float) => float.precision === precision)) return { directory, manifest };
  const place = join(cache, `${id}-${precision}-${FORM}`);
  const listed = (floatGraphs: ManifestFloatGraphs): Manifest => ({
    ...manifest,
    floatGraphs: [floatGraphs],
  });
  const cached = await readCached(place);
  if (cached !== undefined) return { directory: place, manifest: cached };
  try {
    const made = await replaceDirectory(place, false, async (building) => {
      const withGraphs = listed(await writeFloatGraphs(building, network, precision));
      await writeManifest(building, withGraphs);
      return withGraphs;
    });
    return { directory: place, manifest: made };
  } catch (error) {
    // Another process that started together with this one has made the same.
    const appeared = await readCached(place);
    if (appeared === undefined) throw error;
    return { directory: place, manifest: appeared };
  }
}

/** The manifest is written last: where it is, the rest is. */
async function readCached(place: string): Promise<Manifest | undefined> {
  try {
    await access(join(place, 'model.json'));
  } catch {
    return undefined;
  }
  return (await readManifest(diskFiles(place))).manifest;
}
