// The two graphs of a network → files in a directory: shards first, then the graphs that refer to them.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ManifestGraph, type ManifestShard, type ModelPart, shardFileName } from '../core/manifest.ts';
import type { Graph } from './graph.ts';
import { writeOnnx } from './onnx-writer.ts';
import { fillShards, type Placement, sha256, shardBytes } from './shard.ts';

export interface NetworkGraphs {
  readonly backbone: Graph;
  readonly head: Graph;
}

/** How the files of one precision are called. */
export interface GraphFileNames {
  /** `weights` gives `weights-00001-of-00002.bin`. */
  readonly shards: string;
  /** `.onnx` gives `backbone.onnx`. */
  readonly graphs: string;
}

export const INT8_FILES: GraphFileNames = { shards: 'weights', graphs: '.onnx' };

export interface WrittenGraphs {
  readonly graphs: ManifestGraph[];
  readonly shards: ManifestShard[];
  readonly placements: ReadonlyMap<string, Placement>;
}

const PARTS: readonly ModelPart[] = ['backbone', 'head'];

/** Writes into an existing directory; no shard holds tensors of both graphs. */
export async function writeGraphs(
  directory: string,
  graphs: NetworkGraphs,
  names: GraphFileNames,
): Promise<WrittenGraphs> {
  const backbone = fillShards(graphs.backbone.weights, 0);
  const head = fillShards(graphs.head.weights, backbone.length);
  const all = [...backbone, ...head];
  const files = all.map((_, index) => shardFileName(index + 1, all.length, names.shards));
  const shards: ManifestShard[] = [];
  for (const [index, shard] of all.entries()) {
    const file = files[index] ?? '';
    const bytes = shardBytes(shard);
    await writeFile(join(directory, file), bytes);
    const part = index < backbone.length ? 'backbone' : 'head';
    shards.push({ file, part, bytes: bytes.length, sha256: sha256(bytes) });
  }
  const placements = new Map(
    all.flatMap((shard) => shard.placements.map((placement) => [placement.tensor.name, placement])),
  );
  const written: ManifestGraph[] = [];
  for (const part of PARTS) {
    const file = `${part}${names.graphs}`;
    const bytes = writeOnnx(graphs[part], { placements, files });
    await writeFile(join(directory, file), bytes);
    written.push({ file, part, bytes: bytes.length, sha256: sha256(bytes) });
  }
  return { graphs: written, shards, placements };
}
