// The coordinator of a run on many machines: lists the source, puts shards into the queue, sees them come
// back, and reconciles. What it knows it reads from the run directory, so it may die and be started again.

import { mkdir } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { Queue, QueueEvents } from 'bullmq';
import { ModelError } from '../../core/errors.ts';
import { concludeRun } from '../conclude-run.ts';
import type { RunWatcher } from '../embed-run.ts';
import { createFailureGate, type FailureGate } from '../failure-gate.ts';
import { type ListedShards, listShards } from '../listed-shards.ts';
import { type Lap, lapSchema } from '../meter.ts';
import type { Source } from '../ports.ts';
import type { RunTotals } from '../reconcile.ts';
import { type RunDirectory, shardName } from '../run-directory.ts';
import { lockRun } from '../run-lock.ts';
import type { RunRecord } from '../run-record.ts';
import { findShard, forgetFailures, type ShardMarker } from '../shard.ts';
import { orStopped, StoppedError } from '../stopped.ts';
import { leave } from './leave.ts';
import { jobId, QUEUE, type QueueConnection, type ShardJob } from './shard-jobs.ts';

export interface CoordinateParts {
  readonly directory: RunDirectory;
  readonly record: RunRecord;
  readonly source: Source;
  /** The model directory as the runners find it. */
  readonly model: string;
  readonly connection: QueueConnection;
  readonly maxFailureRate: number;
  /** Does shards again that hold failures. */
  readonly retryFailed: boolean;
  readonly signal: AbortSignal;
  readonly watcher?: RunWatcher & {
    /** How many runners are connected; now and then. */
    readonly runners?: (count: number) => void;
    /** What the stages of one runner did since it told last. */
    readonly lap?: (lap: Lap) => void;
  };
}

/** Shards in the queue or in work at a time: what Redis has to hold does not grow with the run. */
const OUTSTANDING = 1000;
/** Milliseconds between looks at what is outstanding, should an event be lost. */
const LOOK_AGAIN = 2000;
/** Failures of a shard, on whatever runners, before it is given up. */
const ATTEMPTS = 3;
const ATTEMPT_AFTER = 1000;

/** As embedRun, by runners. Throws ModelError when a shard failed on every runner that took it. */
export async function coordinate(parts: CoordinateParts): Promise<RunTotals> {
  const { directory, source, connection, watcher } = parts;
  const lock = await lockRun(directory.path);
  const ending = new AbortController();
  const signal = AbortSignal.any([parts.signal, ending.signal, lock.signal]);
  const queue = new Queue<ShardJob>(QUEUE, { connection });
  const events = new QueueEvents(QUEUE, { connection });
  // Redis may go away and come back; what was lost meanwhile is found by looking again.
  queue.on('error', () => undefined);
  events.on('error', () => undefined);
  const outstanding = new Map<string, number>();
  let listed: ListedShards | undefined;
  try {
    await mkdir(directory.work, { recursive: true });
    if (parts.retryFailed) await forgetFailures(directory);
    const { shardSize } = parts.record;
    listed = await listShards({ source, directory, shardSize, signal });
    const gate = createFailureGate(parts.maxFailureRate);
    const doing = doShards({ ...parts, signal, listed, gate, queue, events, outstanding });
    // What waits for a Redis that is away does not find out.
    const done = await orStopped(doing, signal);
    const listing = await listed.complete();
    watcher?.listed?.(listed.progress());
    return await concludeRun({ ...parts, gate, listing, again: listed.found && done === 0, signal });
  } finally {
    ending.abort();
    await leave([queue, events], emptyQueue({ queue, events, outstanding }));
    // It writes into the run directory until it has.
    await listed?.ended();
    await lock.release();
  }
}

interface Coordination extends CoordinateParts {
  readonly listed: ListedShards;
  readonly gate: FailureGate;
  readonly queue: Queue<ShardJob>;
  readonly events: QueueEvents;
  /** Jobs in the queue or in work, and their shards. */
  readonly outstanding: Map<string, number>;
}

/** Resolves to how many shards were not found done. */
async function doShards(parts: Coordination): Promise<number> {
  const { directory, model, listed, gate, queue, events, outstanding, signal, watcher } = parts;
  const ended = (marker: ShardMarker, how: 'done' | 'found'): void => {
    watcher?.shard?.(marker, how);
    gate.count(marker.items, marker.failed);
  };
  const failed = new Map<number, string>();
  const settle = createSettler({ ...parts, failed, ended });
  const news = createNews(events, (id, told) => {
    const { data: lap } = lapSchema.safeParse(told);
    if (lap !== undefined && outstanding.has(id)) watcher?.lap?.(lap);
  });
  const settleNews = async (): Promise<void> => {
    const ids = await news.next(signal);
    if (signal.aborted) throw new StoppedError();
    await settle(ids ?? [...outstanding.keys()]);
    watcher?.listed?.(listed.progress());
    if (ids === undefined) watcher?.runners?.(await queue.getWorkersCount());
  };
  /** As listed.has; what ends while the source is being listed is counted meanwhile. */
  const has = async (shard: number): Promise<boolean> => {
    const known = listed.has(shard);
    let waiting = true;
    const told = (): void => {
      waiting = false;
      news.wake();
    };
    known.then(told, told);
    while (waiting) await settleNews();
    return await known;
  };
  const room = async (most: number): Promise<void> => {
    while (outstanding.size > most) await settleNews();
  };
  let done = 0;
  for (let shard = 1; await has(shard); shard += 1) {
    if (signal.aborted) throw new StoppedError();
    watcher?.listed?.(listed.progress());
    const found = await findShard(directory, shard);
    if (found !== undefined) {
      ended(found, 'found');
      continue;
    }
    await room(OUTSTANDING - 1);
    // Before it is there: a runner may be done with it, and tell, at once.
    outstanding.set(jobId({ directory: directory.path, shard }), shard);
    await addJob(queue, { directory: directory.path, shard, model });
    done += 1;
  }
  await room(0);
  refuseFailed(failed);
  return done;
}

/** What a runner has begun it finishes; it is found when the run goes on. */
async function emptyQueue({
  queue,
  events,
  outstanding,
}: Pick<Coordination, 'queue' | 'events' | 'outstanding'>): Promise<void> {
  // First: it would listen on, and hold the process, behind a Redis that is away.
  await events.close();
  for (const id of outstanding.keys()) await queue.remove(id).catch(() => undefined);
  await queue.close();
}

async function addJob(queue: Queue<ShardJob>, job: ShardJob): Promise<void> {
  const id = jobId(job);
  // A job that failed for good in an earlier run would keep its name taken.
  if ((await queue.getJobState(id)) === 'failed') await queue.remove(id);
  await queue.add('shard', job, {
    jobId: id,
    attempts: ATTEMPTS,
    backoff: { type: 'exponential', delay: ATTEMPT_AFTER },
    removeOnComplete: true,
  });
}

interface SettlerParts extends Coordination {
  readonly failed: Map<number, string>;
  readonly ended: (marker: ShardMarker, how: 'done') => void;
}

/** Looks at outstanding shards: done, failed for good, or lost from the queue and put there again. */
function createSettler({ queue, outstanding, failed, ended, directory, model }: SettlerParts) {
  return async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) {
      const shard = outstanding.get(id);
      if (shard === undefined) continue;
      // Asked before the marker is looked for: what ends in between is found done.
      const state = await queue.getJobState(id);
      const marker = await findShard(directory, shard);
      if (marker !== undefined) {
        outstanding.delete(id);
        ended(marker, 'done');
      } else if (state === 'failed') {
        const job = await queue.getJob(id);
        failed.set(shard, job?.failedReason ?? 'unknown reason');
        outstanding.delete(id);
        await queue.remove(id);
      } else if (state === 'unknown') {
        await addJob(queue, { directory: directory.path, shard, model });
      }
    }
  };
}

/**
 * The jobs that ended since the last call, or undefined when it is time to look at all. `onEnd` gets what the
 * runner of any job, of this run or another, has told at its end.
 */
function createNews(events: QueueEvents, onEnd: (id: string, told: unknown) => void) {
  let ids: string[] = [];
  let wake: () => void = () => undefined;
  let looked = performance.now();
  const ended = (id: string) => {
    ids.push(id);
    wake();
  };
  events.on('completed', ({ jobId: id, returnvalue }: { jobId: string; returnvalue: unknown }) => {
    onEnd(id, returnvalue);
    ended(id);
  });
  events.on('failed', ({ jobId: id }) => ended(id));
  return {
    /** Ends a `next` that waits. */
    wake: () => wake(),
    async next(signal: AbortSignal): Promise<readonly string[] | undefined> {
      const rest = looked + LOOK_AGAIN - performance.now();
      if (ids.length === 0 && rest > 0) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const timer = new AbortController();
        const waited = setTimeout(rest, undefined, { signal: AbortSignal.any([signal, timer.signal]) });
        await Promise.race([woken, waited.catch(() => undefined)]);
        timer.abort();
      }
      if (performance.now() - looked < LOOK_AGAIN) return ids.splice(0);
      looked = performance.now();
      ids = [];
      return undefined;
    },
  };
}

function refuseFailed(failed: ReadonlyMap<number, string>): void {
  const [first] = failed;
  if (first === undefined) return;
  const [shard, reason] = first;
  throw new ModelError(
    'engine_failed',
    `Expected every shard to be done but ${failed.size} failed ${ATTEMPTS} times, first ${shardName(shard)}: ${reason.replace(/\.$/, '')}. Mend what is wrong; the same command goes on from here.`,
  );
}
