// What a machine needs to work on a run: source, output and pipeline, opened from the run's record.

import { availableParallelism } from 'node:os';
import type { Manifest } from '../core/manifest.ts';
import type { Engine } from '../core/ports.ts';
import type { Describer } from '../engine/describer.ts';
import { createDecodePool, type DecodePool } from './decode-pool.ts';
import type { Meter } from './meter.ts';
import { openOutput } from './outputs/open-output.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import type { Output, Source } from './ports.ts';
import type { RunRecord } from './run-record.ts';
import { openSource } from './sources/open-source.ts';

export interface WorkParts {
  readonly record: RunRecord;
  readonly manifest: Pick<Manifest, 'preprocess'>;
  readonly describer: Describer;
  readonly meter: Meter;
  /** Decoding threads; as many as cores by default. */
  readonly threads?: number | undefined;
  /** Images read and decoded at a time. */
  readonly readers?: number | undefined;
}

export interface Work {
  readonly source: Source;
  readonly output: Output;
  /** Once. Stops when `signal` does. */
  openPipeline(engine: Engine, signal: AbortSignal): Pipeline;
  /** All but the engine. */
  close(): Promise<void>;
}

/** Enough for the disk to be ahead of the decoders; sources that answer slowly gain from more. */
export const DEFAULT_READERS = Math.max(16, 2 * availableParallelism());

/** Throws InputError, SourceError for a source or an output that cannot be opened. */
export async function openWork(parts: WorkParts): Promise<Work> {
  const { record, manifest, describer, meter, threads, readers = DEFAULT_READERS } = parts;
  const { limits, crop } = record;
  const source = await openRecordedSource(record);
  const output = await openRecordedOutput(record);
  const sizes = manifest.preprocess;
  let decoders: DecodePool | undefined;
  return {
    source,
    output,
    openPipeline(engine, signal) {
      decoders = createDecodePool({
        sizes,
        limits,
        crop: crop ?? undefined,
        threads,
        onBusy: (milliseconds) => meter.add('decoding', milliseconds),
      });
      return createPipeline({
        source,
        decoders,
        engine,
        describer,
        size: sizes.crop,
        batch: record.batch,
        refuseZeros: output.refusesZeros,
        readers,
        maxBytes: limits.maxBytes,
        meter,
        signal,
      });
    },
    async close() {
      await decoders?.close();
      await output.close();
      await source.close();
    },
  };
}

export type RecordedSource = Pick<RunRecord, 'source' | 'column' | 'idColumn' | 'metadataColumns'>;

export function openRecordedSource(recorded: RecordedSource): Promise<Source> {
  const { source, column, idColumn, metadataColumns } = recorded;
  return openSource(source, {
    ...(column === null ? {} : { column }),
    ...(idColumn === null ? {} : { idColumn }),
    ...(metadataColumns === null ? {} : { metadataColumns }),
  });
}

export function openRecordedOutput({ output, space, dtype }: RunRecord): Promise<Output> {
  return openOutput(output, { space, dtype });
}
