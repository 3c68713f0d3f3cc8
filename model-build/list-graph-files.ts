// The two graphs of a network → the files they become: shards first, then the graphs that refer to them.
// Without a disk: graph-files.ts writes them, float-files.ts keeps them in memory.

import { type ModelPart, shardFileName } from '../core/manifest.ts';
import type { Graph } from './graph.ts';
import { writeOnnx } from './onnx-writer.ts';
import { fillShards, type Placement, shardBytes } from './shard.ts';

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

export interface GraphFile {
  readonly kind: 'graphs' | 'shards';
  readonly file: string;
  readonly part: ModelPart;
  readonly bytes: Uint8Array;
}

const PARTS: readonly ModelPart[] = ['backbone', 'head'];

/** One after another, so that no two shards need be held; no shard holds tensors of both graphs. */
export function* listGraphFiles(
  graphs: NetworkGraphs,
  names: GraphFileNames,
): Generator<GraphFile, ReadonlyMap<string, Placement>> {
  const backbone = fillShards(graphs.backbone.weights, 0);
  const head = fillShards(graphs.head.weights, backbone.length);
  const all = [...backbone, ...head];
  const files = all.map((_, index) => shardFileName(index + 1, all.length, names.shards));
  for (const [index, shard] of all.entries()) {
    const part = index < backbone.length ? 'backbone' : 'head';
    yield { kind: 'shards', file: files[index] ?? '', part, bytes: shardBytes(shard) };
  }
  const placements = new Map(
    all.flatMap((shard) => shard.placements.map((placement) => [placement.tensor.name, placement])),
  );
  for (const part of PARTS) {
    const bytes = writeOnnx(graphs[part], { placements, files });
    yield { kind: 'graphs', file: `${part}${names.graphs}`, part, bytes };
  }
  return placements;
}
