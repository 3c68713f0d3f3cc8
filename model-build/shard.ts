// Weight tensors → shards: files of at most 20 MiB, tensors one after another at multiples of 64 bytes.

import { InputError } from '../core/errors.ts';
import { MAX_SHARD_BYTES } from '../core/manifest.ts';
import type { WeightTensor } from './graph.ts';

/** A cache line; also what SIMD loads like. */
const ALIGNMENT = 64;

/** Where a tensor lies. */
export interface Placement {
  readonly tensor: WeightTensor;
  /** Position of the shard in the list. */
  readonly shard: number;
  readonly offset: number;
}

/** A shard to be written: its tensors in order. */
export interface Shard {
  readonly bytes: number;
  readonly placements: readonly Placement[];
}

/**
 * Fills shards in the order of the tensors; a tensor is never split. The first shard has the number
 * `first`. Throws InputError naming a tensor larger than a shard.
 */
export function fillShards(tensors: readonly WeightTensor[], first: number): Shard[] {
  const shards: { bytes: number; placements: Placement[] }[] = [];
  for (const tensor of tensors) {
    const bytes = tensor.bytes.byteLength;
    if (bytes > MAX_SHARD_BYTES) {
      throw new InputError(
        'invalid_weights',
        `Expected at most ${MAX_SHARD_BYTES} bytes for tensor ${tensor.name} but found ${bytes}: the layer is too wide for a shard.`,
        { param: tensor.name },
      );
    }
    let shard = shards.at(-1);
    if (shard === undefined || aligned(shard.bytes) + bytes > MAX_SHARD_BYTES) {
      shard = { bytes: 0, placements: [] };
      shards.push(shard);
    }
    const offset = aligned(shard.bytes);
    shard.placements.push({ tensor, shard: first + shards.length - 1, offset });
    shard.bytes = offset + bytes;
  }
  return shards;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** The shard's bytes; gaps between tensors are zero. */
export function shardBytes({ bytes, placements }: Shard): Uint8Array {
  const data = new Uint8Array(bytes);
  for (const { tensor, offset } of placements) data.set(tensor.bytes, offset);
  return data;
}
