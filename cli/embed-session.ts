// The two ways to do a run: in this process, or by runners that take its shards from a queue.

import { isWhole } from '../runner/conclude-run.ts';
import { embedRun } from '../runner/embed-run.ts';
import type { Choice } from '../runner/engines/choose.ts';
import type { Meter } from '../runner/meter.ts';
import { openRecordedOutput, openRecordedSource, openWork } from '../runner/open-work.ts';
import type { Pipeline } from '../runner/pipeline.ts';
import { coordinate } from '../runner/queue/coordinate.ts';
import { connectQueue } from '../runner/queue/shard-jobs.ts';
import type { RunTotals } from '../runner/reconcile.ts';
import type { RunDirectory } from '../runner/run-directory.ts';
import { openRun, type RunRecord } from '../runner/run-record.ts';
import { limitGarbage } from '../runner/thread-memory.ts';
import type { EmbedProgress } from './embed-progress.ts';
import type { PreparedRun } from './embed-run-options.ts';

export interface EmbedSession {
  readonly directory: RunDirectory;
  readonly prepared: PreparedRun;
  readonly meter: Meter;
  readonly progress: EmbedProgress;
  readonly maxFailureRate: number;
  readonly retryFailed: boolean;
  readonly readers: number | undefined;
  readonly threads: number | undefined;
  /** URL of the Redis. */
  readonly queue: string | undefined;
  readonly signal: AbortSignal;
}

export interface EndedRun {
  readonly record: RunRecord;
  /** Why this engine. */
  readonly engineReason: string;
  readonly totals: RunTotals;
}

export async function embedHere(session: EmbedSession): Promise<EndedRun> {
  const { directory, prepared, meter, progress, readers, threads, signal } = session;
  const { maxFailureRate, retryFailed } = session;
  const { manifest, describer } = prepared;
  limitGarbage();
  const openEngine = (): Promise<Choice> => {
    progress.opening();
    return prepared.openEngine();
  };
  const begun = await beginOrGoOn({ ...prepared, openEngine });
  const { record } = begun;
  let { choice } = begun;
  try {
    // Before the run is begun: what cannot be opened leaves nothing behind.
    const work = await openWork({ record, manifest, describer, meter, threads, readers });
    try {
      progress.started(await openRun(directory, record), record.engine);
      const openPipeline = async (stop: AbortSignal): Promise<Pipeline> => {
        choice ??= await openEngine();
        progress.chosen(choice);
        meter.begin();
        return work.openPipeline(choice.engine, stop);
      };
      const parts = { directory, record, maxFailureRate, retryFailed, signal, watcher: progress };
      const totals = await embedRun({ ...work, ...parts, openPipeline });
      return { record, engineReason: choice?.reason ?? NOT_NEEDED, totals };
    } finally {
      await work.close();
    }
  } finally {
    await choice?.engine.dispose();
  }
}

/** A run that goes on has its engine's name; whether there is anything left for that engine turns out later. */
async function beginOrGoOn(prepared: PreparedRun): Promise<{ record: RunRecord; choice?: Choice }> {
  if (prepared.found !== undefined) return { record: prepared.found };
  const choice = await prepared.openEngine();
  return { record: prepared.record(choice), choice };
}

export async function embedByRunners(session: EmbedSession): Promise<EndedRun> {
  const { directory, prepared, meter, progress, queue = '', signal } = session;
  const { maxFailureRate, retryFailed } = session;
  // Nothing is left for runners, nor for a Redis.
  if (prepared.found !== undefined && !retryFailed && (await isWhole(directory))) return embedHere(session);
  const connection = await connectQueue(queue);
  progress.opening();
  const choice = await chooseForRunners(prepared);
  const record = prepared.found ?? prepared.record(choice);
  const source = await openRecordedSource(record);
  try {
    await (await openRecordedOutput(record)).close();
    progress.started(await openRun(directory, record), record.engine);
    progress.chosen(choice);
    meter.begin();
    const totals = await coordinate({
      directory,
      record,
      source,
      model: prepared.model,
      connection,
      maxFailureRate,
      retryFailed,
      signal,
      watcher: {
        ...progress,
        lap: meter.join,
        shard(marker, how) {
          if (how === 'done') meter.ended(marker.items, marker.failed);
          progress.shard(marker, how);
        },
      },
    });
    return { record, engineReason: choice.reason, totals };
  } finally {
    await source.close();
  }
}

const NOT_NEEDED = 'None was needed: everything was done before.';
/** Images in a batch for an engine that is not opened here. */
const BATCH = 16;

/** `cuda:fp16` is taken at its word: the coordinator may have no GPU. Anything else is tried here. */
async function chooseForRunners({ engine: wanted, found, openEngine }: PreparedRun) {
  if (found !== undefined || wanted.includes(':')) {
    return { id: wanted, batchSize: BATCH, reason: `${wanted} as asked for; the runners check it.` };
  }
  const { engine, ...choice } = await openEngine();
  await engine.dispose();
  return choice;
}
