// The end of a run: what went in against what came out, read back from the disk, and one list of failures.

import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { InputError } from '../core/errors.ts';
import { writeDurably } from './durable-file.ts';
import type { Listing } from './item-list.ts';
import { type RunDirectory, shardName } from './run-directory.ts';
import { findShard, type ShardMarker } from './shard.ts';

export interface RunTotals {
  readonly items: number;
  readonly vectors: number;
  readonly failed: number;
  readonly shards: number;
}

/**
 * Every item of the listing is in a shard as a vector or a failure, and `failures.jsonl` has the failures in
 * the order of the source. Throws InputError that names the first shard that does not add up.
 */
export async function reconcile(
  directory: RunDirectory,
  listing: Listing,
  shardSize: number,
): Promise<RunTotals> {
  let vectors = 0;
  let failed = 0;
  for await (const marker of finishedShards(directory, listing)) {
    const last = marker.shard === listing.shards;
    const expected = last ? listing.items - (listing.shards - 1) * shardSize : shardSize;
    if (marker.items !== expected || marker.vectors + marker.failed !== expected) {
      throw new InputError(
        'invalid_file',
        `Expected ${expected} items in ${shardName(marker.shard)} but its marker says ${marker.vectors} vectors and ${marker.failed} failed. Remove ${join(directory.markers, `${shardName(marker.shard)}.json`)} and run the same command again.`,
      );
    }
    vectors += marker.vectors;
    failed += marker.failed;
  }
  await writeDurably(directory.failures, failureLines(directory, listing), directory);
  return { items: listing.items, vectors, failed, shards: listing.shards };
}

async function* finishedShards(directory: RunDirectory, { shards }: Listing): AsyncGenerator<ShardMarker> {
  for (let shard = 1; shard <= shards; shard += 1) {
    const marker = await findShard(directory, shard);
    if (marker === undefined) {
      throw new InputError(
        'invalid_file',
        `Expected ${shardName(shard)} in ${directory.path} but it is not complete. Run the same command again.`,
      );
    }
    yield marker;
  }
}

async function* failureLines(directory: RunDirectory, listing: Listing): AsyncGenerator<string> {
  for await (const { failures } of finishedShards(directory, listing)) {
    if (failures === null) continue;
    const input = createReadStream(join(directory.markers, failures.file));
    for await (const line of createInterface({ input })) yield `${line}\n`;
  }
}
