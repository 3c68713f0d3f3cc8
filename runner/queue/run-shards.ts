// A runner: takes shards of whatever runs are in the queue, one after the other through one pipeline. When it
// dies its shards go back to the queue; when it was only thought dead, both write the same bytes.

import { DelayedError, Worker } from 'bullmq';
import { InputError } from '../../core/errors.ts';
import { createTurns } from '../../core/turns.ts';
import { readItems } from '../item-list.ts';
import { createLaps, type Lap, type Meter } from '../meter.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Output } from '../ports.ts';
import { type RunDirectory, runDirectory } from '../run-directory.ts';
import { type RunRecord, readRunRecord } from '../run-record.ts';
import { findShard, openShard, type ShardMarker } from '../shard.ts';
import { leave } from './leave.ts';
import { QUEUE, type QueueConnection, type ShardJob, shardJobSchema } from './shard-jobs.ts';

/** What a runner has open for a run. */
export interface RunnerWork {
  readonly pipeline: Pipeline;
  readonly output: Output;
  close(): Promise<void>;
}

export interface RunShardsParts {
  readonly connection: QueueConnection;
  /** Throws where this machine cannot do it: no such model, engine or source. It is of no use here then. */
  readonly openWork: (record: RunRecord, model: string) => Promise<RunnerWork>;
  /** Of what `openWork` opens: with each shard the coordinator is told what the stages did. */
  readonly meter: Meter;
  readonly signal: AbortSignal;
  /** Milliseconds without a sign of life after which a runner's shards are given to another. */
  readonly patience: number;
  readonly onShard?: (directory: RunDirectory, marker: ShardMarker) => void;
  readonly onError?: (error: unknown) => void;
}

/** While one shard is read the other is in the engine, or on its way to the disk. */
const SHARDS_IN_WORK = 2;
/** Runners that may die over a shard before the shard is to blame. */
const DEATHS = 5;

/** Milliseconds until a shard that was given back is taken again. */
const GIVEN_BACK = 1000;

/**
 * Until `signal` is aborted; shards in work are finished then. Throws what `openWork` throws: a runner that cannot
 * work on a run gives its shard back and ends, rather than failing one shard after the other faster than others
 * can do them.
 */
export async function runShards(parts: RunShardsParts): Promise<void> {
  const { connection, signal, patience, onShard, onError } = parts;
  const runs = createOpenRuns(parts);
  const intake = createTurns();
  const laps = createLaps(parts.meter);
  const embedShard = async (
    directory: RunDirectory,
    shard: number,
    { pipeline, output }: RunnerWork,
  ): Promise<void> => {
    const open = await openShard(directory, shard, output, { journal: false });
    try {
      const items = await readItems(directory, shard);
      const { finished } = await intake(() => pipeline.feed(items, open.take));
      await finished;
      // Not as the argument of an optional call, which is not evaluated where nobody listens.
      const marker = await open.publish();
      onShard?.(directory, marker);
    } catch (error) {
      await open.abandon();
      throw error;
    }
  };
  const useless = new AbortController();
  const worker = new Worker<ShardJob, Lap | undefined>(
    QUEUE,
    async (job, token) => {
      const { directory: path, shard, model } = shardJobSchema.parse(job.data);
      const directory = runDirectory(path);
      // Done by a runner that was thought dead.
      if ((await findShard(directory, shard)) !== undefined) return undefined;
      try {
        return await runs.use(directory, model, async (work) => {
          laps.begin();
          // Of work that failed as well, lest its time be another's.
          return await embedShard(directory, shard, work).then(laps.end, (error: unknown) => {
            laps.end();
            throw error;
          });
        });
      } catch (error) {
        if (!(error instanceof UnopenedError)) throw error;
        useless.abort(error.cause);
        await job.moveToDelayed(Date.now() + GIVEN_BACK, token);
        throw new DelayedError();
      }
    },
    {
      connection,
      concurrency: SHARDS_IN_WORK,
      lockDuration: patience,
      stalledInterval: patience,
      maxStalledCount: DEATHS,
    },
  );
  worker.on('failed', (_, error) => onError?.(error));
  worker.on('error', (error) => onError?.(error));
  try {
    const ended = AbortSignal.any([signal, useless.signal]);
    await new Promise<void>((resolve) => {
      if (ended.aborted) resolve();
      else ended.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    await leave([worker], worker.close(), runs.idle());
    await runs.close();
  }
  useless.signal.throwIfAborted();
}

/** The run could not be opened here, for the reason in `cause`. */
class UnopenedError extends Error {}

/** One run open at a time: another's engine would take as much memory again. */
function createOpenRuns({ openWork }: RunShardsParts) {
  const turns = createTurns();
  let current: { readonly asked: string; readonly work: RunnerWork } | undefined;
  const using = new Set<Promise<unknown>>();
  const idle = () => Promise.allSettled(using);
  const close = async (): Promise<void> => {
    await idle();
    const closing = current;
    current = undefined;
    await closing?.work.close();
  };
  const open = async (directory: RunDirectory, model: string): Promise<RunnerWork> => {
    const record = await readRunRecord(directory);
    if (record === undefined) {
      throw new InputError(
        'invalid_file',
        `Expected the run directory ${directory.path} on this machine: runners and the coordinator share it, under one name.`,
      );
    }
    // Not by its path alone: a run that was removed may have been begun anew there, and asked for something else.
    const asked = JSON.stringify([directory.path, model, record]);
    if (current?.asked === asked) return current.work;
    await close();
    const work = await openWork(record, model);
    current = { asked, work };
    return work;
  };
  return {
    async use<T>(directory: RunDirectory, model: string, work: (open: RunnerWork) => Promise<T>): Promise<T> {
      const { running } = await turns(async () => {
        const opened = await open(directory, model).catch((cause: unknown) => {
          throw new UnopenedError('unopened', { cause });
        });
        const running = work(opened);
        const tracked = running.catch(() => undefined);
        using.add(tracked);
        void tracked.then(() => using.delete(tracked));
        // In an object, since the next may begin while this one runs.
        return { running };
      });
      return await running;
    },
    /** Resolves when nothing is in work that is in work now. */
    idle,
    close,
  };
}
