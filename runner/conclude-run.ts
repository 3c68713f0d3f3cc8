// The end of a run, wherever its shards were made: what came out against what went in.

import type { FailureGate } from './failure-gate.ts';
import { checkUnchanged, type Listing, readListing } from './item-list.ts';
import type { Source } from './ports.ts';
import { type RunTotals, reconcile } from './reconcile.ts';
import type { RunDirectory } from './run-directory.ts';
import type { RunRecord } from './run-record.ts';
import { emptyWork, findShard } from './shard.ts';

export interface ConcludeParts {
  readonly directory: RunDirectory;
  readonly record: Pick<RunRecord, 'shardSize'>;
  readonly source: Source;
  readonly gate: FailureGate;
  readonly listing: Listing;
  /** Nothing was left to do: whoever calls again expects to hear of new photographs. */
  readonly again: boolean;
  readonly signal: AbortSignal;
}

/**
 * When every shard is in its place. Throws InputError for too many failures, for a source that has changed and
 * for counts that do not add up; StoppedError.
 */
export async function concludeRun(parts: ConcludeParts): Promise<RunTotals> {
  const { directory, record, source, gate, listing, again, signal } = parts;
  const { shardSize } = record;
  if (again) await checkUnchanged({ source, directory, shardSize, signal });
  const totals = await reconcile(directory, listing, shardSize);
  await emptyWork(directory);
  // Last: whoever mends what failed reads failures.jsonl.
  gate.conclude();
  return totals;
}

/** Whether nothing is left to embed: the source is listed to its end, and every shard in its place. */
export async function isWhole(directory: RunDirectory): Promise<boolean> {
  const listing = await readListing(directory);
  if (listing === undefined) return false;
  for (let shard = 1; shard <= listing.shards; shard += 1) {
    if ((await findShard(directory, shard)) === undefined) return false;
  }
  return true;
}
