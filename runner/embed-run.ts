// A run in this process: shards one after the other through the pipeline, each published when it is whole.

import { concludeRun } from './conclude-run.ts';
import { createFailureGate, type FailureGate } from './failure-gate.ts';
import { type Listing, readItems } from './item-list.ts';
import { type ListedShards, listShards } from './listed-shards.ts';
import type { BatchResult, Pipeline } from './pipeline.ts';
import type { Output, Source } from './ports.ts';
import type { RunTotals } from './reconcile.ts';
import type { RunDirectory } from './run-directory.ts';
import { lockRun } from './run-lock.ts';
import type { RunRecord } from './run-record.ts';
import {
  type BatchCounts,
  clearWork,
  findShard,
  forgetFailures,
  openShard,
  type ShardMarker,
} from './shard.ts';
import { createSlots } from './slots.ts';
import { StoppedError } from './stopped.ts';

export interface RunWatcher {
  /** The source is being listed; `complete` when it has been. */
  listed?(progress: { readonly items: number; readonly complete: boolean }): void;
  /** A shard is in its place: `found` when an earlier run did it. */
  shard?(marker: ShardMarker, how: 'done' | 'found'): void;
  batch?(result: BatchResult): void;
  /** A batch of an unfinished shard, which an earlier run did. */
  restored?(batch: BatchCounts): void;
}

export interface EmbedRunParts {
  readonly directory: RunDirectory;
  readonly record: RunRecord;
  readonly source: Source;
  readonly output: Output;
  /**
   * Called when there is a shard to do: a run that is done needs no engine. The pipeline stops when `signal`
   * does, so that a failure here ends the work there.
   */
  readonly openPipeline: (signal: AbortSignal) => Promise<Pipeline>;
  /** 0…1 */
  readonly maxFailureRate: number;
  /** Does shards again that hold failures. */
  readonly retryFailed: boolean;
  readonly signal: AbortSignal;
  readonly watcher?: RunWatcher;
}

/** Shards that may be read, written or synced at a time. */
const SHARDS_IN_WORK = 4;

/**
 * Begins or goes on. Throws StoppedError when `signal` is aborted; the run can go on then. Throws InputError
 * for a source that changed, too many failures, or counts that do not add up; ModelError, SourceError.
 */
export async function embedRun(parts: EmbedRunParts): Promise<RunTotals> {
  const { directory, source, watcher } = parts;
  const { shardSize } = parts.record;
  const lock = await lockRun(directory.path);
  const failing = new AbortController();
  const signal = AbortSignal.any([parts.signal, failing.signal, lock.signal]);
  let listed: ListedShards | undefined;
  try {
    // What a killed run was writing. Nobody else writes while the lock is ours.
    await clearWork(directory);
    if (parts.retryFailed) await forgetFailures(directory);
    listed = await listShards({ source, directory, shardSize, signal });
    // The total is known long before the last shard is begun. Errors are told where shards are asked for.
    const { complete, progress } = listed;
    complete().then(
      () => watcher?.listed?.(progress()),
      () => undefined,
    );
    const gate = createFailureGate(parts.maxFailureRate);
    const done = await runShards(listed, gate, { ...parts, signal }, failing);
    const listing: Listing = await listed.complete();
    watcher?.listed?.(listed.progress());
    return await concludeRun({ ...parts, gate, listing, again: listed.found && done === 0, signal });
  } finally {
    failing.abort();
    // It writes into the run directory until it has.
    await listed?.ended();
    await lock.release();
  }
}

/** Resolves to how many shards were not found done. Throws the first error, when all work has ended. */
async function runShards(
  listed: ListedShards,
  gate: FailureGate,
  { directory, output, watcher, signal, openPipeline }: EmbedRunParts,
  failing: AbortController,
): Promise<number> {
  let pipeline: Pipeline | undefined;
  const inWork = createSlots(SHARDS_IN_WORK);
  const errors: unknown[] = [];
  const fail = (error: unknown): void => {
    errors.push(error);
    failing.abort();
  };

  const start = async (shard: number, pipeline: Pipeline): Promise<void> => {
    const open = await openShard(directory, shard, output, { journal: true }).catch((error: unknown) => {
      inWork.release();
      throw error;
    });
    const take = async (result: BatchResult): Promise<void> => {
      await open.take(result);
      watcher?.batch?.(result);
      gate.count(result.rows.length + result.failed.length, result.failed.length, result.failed.at(-1));
    };
    const publish = async (finished: Promise<void>): Promise<void> => {
      try {
        await finished;
        const marker = await open.publish();
        watcher?.shard?.(marker, 'done');
      } catch (error) {
        fail(error);
        await open.abandon().catch(fail);
      }
    };
    try {
      let restored = 0;
      for (const batch of open.restored) {
        restored += batch.items;
        watcher?.restored?.(batch);
        gate.count(batch.items, batch.failed);
      }
      const items = await readItems(directory, shard);
      const { finished } = await pipeline.feed(items.slice(restored), take);
      void publish(finished).finally(inWork.release);
    } catch (error) {
      await publish(Promise.reject(error)).finally(inWork.release);
    }
  };

  let done = 0;
  try {
    for (let shard = 1; await listed.has(shard); shard += 1) {
      if (signal.aborted) throw new StoppedError();
      watcher?.listed?.(listed.progress());
      const found = await findShard(directory, shard);
      if (found === undefined) {
        pipeline ??= await openPipeline(signal);
        await inWork.acquire();
        await start(shard, pipeline);
        done += 1;
      } else {
        gate.count(found.items, found.failed);
        watcher?.shard?.(found, 'found');
      }
    }
  } catch (error) {
    fail(error);
  }
  for (let place = 0; place < SHARDS_IN_WORK; place += 1) await inWork.acquire();
  const [first] = errors;
  const cause = errors.find((error) => !(error instanceof StoppedError)) ?? first;
  if (cause !== undefined) throw cause;
  return done;
}
