// The two graphs of a network → files in a directory: shards first, then the graphs that refer to them.

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ManifestGraph, ManifestShard } from '../core/manifest.ts';
import { type GraphFileNames, listGraphFiles, type NetworkGraphs } from './list-graph-files.ts';
import type { Placement } from './shard.ts';

export const INT8_FILES: GraphFileNames = { shards: 'weights', graphs: '.onnx' };

export interface WrittenGraphs {
  readonly graphs: ManifestGraph[];
  readonly shards: ManifestShard[];
  readonly placements: ReadonlyMap<string, Placement>;
}

/** Writes into an existing directory; no shard holds tensors of both graphs. */
export async function writeGraphs(
  directory: string,
  graphs: NetworkGraphs,
  names: GraphFileNames,
): Promise<WrittenGraphs> {
  const written: Pick<WrittenGraphs, 'graphs' | 'shards'> = { graphs: [], shards: [] };
  const files = listGraphFiles(graphs, names);
  for (;;) {
    const next = files.next();
    if (next.done === true) return { ...written, placements: next.value };
    const { kind, file, part, bytes } = next.value;
    await writeFile(join(directory, file), bytes);
    written[kind].push({ file, part, bytes: bytes.length, sha256: sha256(bytes) });
  }
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
