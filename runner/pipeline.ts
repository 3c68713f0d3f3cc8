// The pipeline: items → read → decode in threads → batches → engine → rows. Each stage is bounded, so memory
// does not depend on how much there is to do; batches are formed from places in the shard alone, so the
// vectors do not depend on where a run was stopped.

import { setMaxListeners } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { rowOf } from '../core/embedder.ts';
import { InputError, SourceError } from '../core/errors.ts';
import type { Engine, EngineRun, ImageBatch } from '../core/ports.ts';
import type { Describer } from '../engine/describer.ts';
import type { DecodePool } from './decode-pool.ts';
import type { DecodeOutcome } from './decode-thread.ts';
import { describeFailure, type FailedItem, type Failure } from './failure.ts';
import type { Meter } from './meter.ts';
import type { OutputRow, Source, SourceItem } from './ports.ts';
import { createSlots } from './slots.ts';
import { placeOf } from './sources/broken-item.ts';
import { orStopped, StoppedError } from './stopped.ts';

export interface PipelineParts {
  readonly source: Source;
  readonly decoders: DecodePool;
  readonly engine: Engine;
  readonly describer: Describer;
  /** Side of the crop in pixels. */
  readonly size: number;
  /** Images in a batch. */
  readonly batch: number;
  /** Whether a vector of zeros is a failure: where vectors are searched for by cosine. */
  readonly refuseZeros: boolean;
  /** Images being read or decoded at a time. */
  readonly readers: number;
  /** Largest encoded image. */
  readonly maxBytes: number;
  readonly meter: Meter;
  /** Aborted, the batch in the engine is finished and nothing else is begun. */
  readonly signal: AbortSignal;
}

/** What became of one batch, in the order of its items. */
export interface BatchResult {
  readonly rows: readonly OutputRow[];
  readonly failed: readonly FailedItem[];
}

export interface Pipeline {
  /**
   * Takes in the items of one shard. Resolves when all are on their way, so that the next shard may follow
   * and the engine need not wait; `finished` resolves when `take` has taken the last batch. `take` gets the
   * batches in order. Throws, and `finished` rejects, with StoppedError, ModelError, or what `take` throws.
   */
  feed(
    items: readonly SourceItem[],
    take: (result: BatchResult) => Promise<void>,
  ): Promise<{ readonly finished: Promise<void> }>;
}

/** Batches being filled, ready, in the engine and being written, beside those that reading ahead needs. */
const BATCHES_IN_WORK = 5;
/** While one runs the next lies ready in the engine: a GPU has no pause between them. */
const RUNS_IN_ENGINE = 2;
/** Milliseconds before the second and third attempt at an item that could not be reached. */
const RETRY_AFTER = [250, 2000];

export function createPipeline(parts: PipelineParts): Pipeline {
  const { source, decoders, engine, describer, size, batch, readers, maxBytes, meter, signal } = parts;
  const pixels = size * size * 3;
  const places = BATCHES_IN_WORK + Math.ceil(readers / batch);
  const inWork = createSlots(places);
  const reading = createSlots(readers);
  // Shared with the threads that decode and with those of the engine.
  const sharedBatch = () => new Uint8Array(new SharedArrayBuffer(batch * pixels));
  const buffers: Uint8Array<SharedArrayBuffer>[] = [];
  const inEngine = createSequence();
  const runs = createSlots(RUNS_IN_ENGINE);
  const inWriting = createSequence();
  // Every reader and every decoded image listens to it.
  setMaxListeners(0, signal);
  meter.capacity('reading', readers);
  meter.capacity('decoding', decoders.threads);

  /** Holds a reader's place until the image is decoded, which bounds the encoded bytes in memory. */
  const prepare = async (
    item: SourceItem,
    crop: Uint8Array<SharedArrayBuffer>,
    feeding: Feeding,
  ): Promise<DecodeOutcome> => {
    await reading.acquire();
    try {
      refuseStopped(feeding);
      const read = await meter.time('reading', () =>
        orStopped(readPatiently(source, item, maxBytes, signal), signal),
      );
      if ('failure' in read) return read;
      if (read.bytes.length > maxBytes) return { failure: describeFailure(tooLarge(maxBytes)) };
      return await meter.hold('decoding', () =>
        orStopped(decoders.decode({ bytes: read.bytes, pixels: crop }), signal),
      );
    } finally {
      reading.release();
    }
  };
  const runIfUseful = async (
    prepared: readonly DecodeOutcome[],
    images: ImageBatch,
    feeding: Feeding,
  ): Promise<EngineRun | undefined> => {
    refuseStopped(feeding);
    if (prepared.every((outcome) => 'failure' in outcome)) return undefined;
    try {
      return await meter.time('engine', () => engine.run(images, [describer.layer]));
    } catch (error) {
      // At once: in the order of writing it would be known when the engine has run more of them in vain.
      feeding.failed = true;
      throw error;
    }
  };
  const refuseStopped = ({ failed }: Feeding): void => {
    if (signal.aborted || failed) throw new StoppedError();
  };

  const runBatch = async (
    items: readonly SourceItem[],
    buffer: Uint8Array<SharedArrayBuffer>,
    feeding: Feeding,
  ): Promise<void> => {
    const data = buffer.subarray(0, items.length * pixels);
    // A failed image leaves its place black: the vectors of the others do not depend on it.
    data.fill(0);
    const preparing = allEnded(
      items.map((item, index) => prepare(item, data.subarray(index * pixels, (index + 1) * pixels), feeding)),
    );
    // Handled where it is awaited, which may be later than it rejects.
    preparing.catch(() => undefined);
    const started = inEngine(async () => {
      const prepared = await preparing;
      await runs.acquire();
      const images = { images: items.length, size, data };
      const running = runIfUseful(prepared, images, feeding).finally(runs.release);
      running.catch(() => undefined);
      // Not awaited here: the next batch is given to the engine while this one runs.
      return { prepared, running };
    });
    started.catch(() => undefined);
    await inWriting(async () => {
      const { prepared, running } = await started;
      const run = await running;
      // The engine's next batch is begun before this one's vectors are made.
      await setImmediate();
      await meter.time('writing', async () => {
        // Nothing follows a batch that is missing.
        if (feeding.missing) throw new StoppedError();
        const result = describeBatch(items, prepared, run, parts);
        await feeding.take(result);
        meter.ended(items.length, result.failed.length);
      });
    });
  };

  return {
    async feed(items, take) {
      const feeding: Feeding = { take, failed: false, missing: false };
      const written: Promise<void>[] = [];
      for (let start = 0; start < items.length; start += batch) {
        await inWork.acquire();
        if (signal.aborted || feeding.failed) {
          inWork.release();
          await allEnded(written);
          throw new StoppedError();
        }
        // As many as places in the end, used again and again.
        const buffer = buffers.pop() ?? sharedBatch();
        const work = runBatch(items.slice(start, start + batch), buffer, feeding).finally(() => {
          buffers.push(buffer);
          inWork.release();
        });
        work.catch(() => {
          feeding.failed = true;
          feeding.missing = true;
        });
        written.push(work);
      }
      const finished = allEnded(written).then(() => undefined);
      finished.catch(() => undefined);
      return { finished };
    },
  };
}

/** One shard on its way. */
interface Feeding {
  readonly take: (result: BatchResult) => Promise<void>;
  /** Of no use any more: nothing further of it is begun. */
  failed: boolean;
  /** A batch was not written. Those before it, which the engine may be ahead of, are. */
  missing: boolean;
}

/** Tries again where that may help. Only what an item itself has done wrong, or the source, is its failure. */
async function readPatiently(
  source: Source,
  item: SourceItem,
  maxBytes: number,
  signal: AbortSignal,
): Promise<{ bytes: Uint8Array } | { failure: Failure }> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return { bytes: await source.read(item, maxBytes) };
    } catch (error) {
      const wait = RETRY_AFTER[attempt];
      const hopeful = error instanceof SourceError && error.code !== 'missing_file';
      if (!hopeful || wait === undefined) return { failure: describeFailure(error) };
      await setTimeout(wait, undefined, { signal }).catch(() => {
        throw new StoppedError();
      });
    }
  }
}

const UNKNOWN: Failure = { code: 'internal', reason: 'Nothing became of this image.' };
const NO_NUMBERS: Failure = { code: 'engine_failed', reason: 'The engine gave values that are no numbers.' };
const ZEROS: Failure = {
  code: 'engine_failed',
  reason: 'The vector of this image is all zeros, which cannot be searched for.',
};

function describeBatch(
  items: readonly SourceItem[],
  prepared: readonly DecodeOutcome[],
  run: EngineRun | undefined,
  { describer, refuseZeros }: Pick<PipelineParts, 'describer' | 'refuseZeros'>,
): BatchResult {
  const rows: OutputRow[] = [];
  const failed: FailedItem[] = [];
  for (const [index, item] of items.entries()) {
    const { id, metadata } = item;
    const location = placeOf(item);
    const outcome = prepared[index] ?? { failure: UNKNOWN };
    if ('failure' in outcome || run === undefined) {
      failed.push({ id, location, ...('failure' in outcome ? outcome.failure : UNKNOWN) });
      continue;
    }
    const vector = describer.describe(rowOf(run.outputs, index, items.length));
    if (!vector.every(Number.isFinite)) failed.push({ id, location, ...NO_NUMBERS });
    else if (refuseZeros && vector.every((value) => value === 0)) failed.push({ id, location, ...ZEROS });
    else rows.push({ id, vector, sha256: outcome.sha256, metadata });
  }
  return { rows, failed };
}

/** One after the other in the order of the calls; a failure does not keep the next from being tried. */
function createSequence(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work, work);
    last = result.catch(() => undefined);
    return result;
  };
}

/** Waits for all, so that nothing goes on behind the caller's back, and throws what was first to go wrong. */
async function allEnded<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(work);
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (errors.length > 0) throw errors.find((error) => !(error instanceof StoppedError)) ?? errors[0];
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

function tooLarge(maxBytes: number): InputError {
  return new InputError('image_too_large', `Expected at most ${maxBytes} bytes for an image but found more.`);
}
