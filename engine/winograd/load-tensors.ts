// Tensors of a model directory → their places in the WebAssembly memory, as the bytes arrive: no second
// copy of a shard is ever made.

import { ModelError } from '../../core/errors.ts';
import type { Manifest, ManifestTensor } from '../../core/manifest.ts';
import type { ModelFiles } from '../../core/ports.ts';
import { streamModelFile } from '../model-file.ts';

/** A tensor and where its bytes go. */
export interface Placement {
  readonly name: string;
  readonly dtype: ManifestTensor['dtype'];
  readonly shape: readonly number[];
  readonly address: number;
}

/**
 * Streams the shards that hold the tensors, one after another; each is verified by the time this resolves.
 * Throws ModelError('invalid_manifest') when a tensor is missing or has another type or shape,
 * ModelError('corrupt_shard') and SourceError as streamModelFile does.
 */
export async function loadTensors(
  files: ModelFiles,
  manifest: Manifest,
  placements: readonly Placement[],
  memory: WebAssembly.Memory,
): Promise<void> {
  const found = placements.map((placement) => ({ ...findTensor(manifest, placement), ...placement }));
  for (const [index, shard] of manifest.shards.entries()) {
    const inside = found.filter((tensor) => tensor.shard === index);
    if (inside.length === 0) continue;
    await streamModelFile(files, shard, (chunk, start) => {
      const end = start + chunk.length;
      for (const { offset, bytes, address } of inside) {
        const from = Math.max(offset, start);
        const to = Math.min(offset + bytes, end);
        if (from >= to) continue;
        const target = new Uint8Array(memory.buffer, address + from - offset, to - from);
        target.set(chunk.subarray(from - start, to - start));
      }
    });
  }
}

function findTensor(manifest: Manifest, { name, dtype, shape }: Placement): ManifestTensor {
  const tensor = manifest.tensors[name];
  const found = tensor === undefined ? 'none' : `${tensor.dtype} [${tensor.shape.join(', ')}]`;
  if (tensor === undefined || found !== `${dtype} [${shape.join(', ')}]`) {
    throw new ModelError(
      'invalid_manifest',
      `Expected ${dtype} [${shape.join(', ')}] for tensor ${name} but found ${found}. Build the model directory again.`,
      { param: name },
    );
  }
  return tensor;
}
