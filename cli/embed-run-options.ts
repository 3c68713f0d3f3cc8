// The options of vgg-edge embed → what the run is asked for, and what is needed to work on it. What the
// command leaves open is what the run was begun with, or else what suits the machine.

import { resolve } from 'node:path';
import type { CropBox } from '../core/crop-box.ts';
import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import type { Manifest } from '../core/manifest.ts';
import { VECTOR_DTYPES } from '../core/quantise-vector.ts';
import type { Describer } from '../engine/describer.ts';
import type { Choice } from '../runner/engines/choose.ts';
import { openRecordedOutput, openRecordedSource } from '../runner/open-work.ts';
import type { RunDirectory } from '../runner/run-directory.ts';
import { type RunRecord, readRunRecord, refuseDifferent } from '../runner/run-record.ts';
import { flag, oneOf, text, UsageError, type Values, wholeNumber } from './command.ts';
import { openEmbeddingModel } from './embedding-model.ts';
import { DEFAULT_MODEL, readDescriptor, readDimensions } from './photo-embedder.ts';
import { absolutePlace, readSource } from './source-options.ts';

export interface PreparedRun {
  /** The run that is in the directory, asked for the same. */
  readonly found: RunRecord | undefined;
  /** The model directory, and the engine asked for. */
  readonly model: string;
  readonly engine: string;
  readonly manifest: Manifest;
  readonly describer: Describer;
  /** Opens the engine that the run has, or the one asked for. */
  openEngine(): Promise<Choice>;
  record(choice: Pick<Choice, 'id' | 'batchSize'>): RunRecord;
}

const DEFAULT_SHARD_SIZE = 1000;

/**
 * Throws UsageError, ModelError, and InputError where the directory holds a run that was asked for something
 * else; what opening a new run's source and output throws: all before an engine is tried, which takes seconds.
 */
export async function prepareRun(
  spec: string,
  directory: RunDirectory,
  values: Values,
): Promise<PreparedRun> {
  const found = await readRunRecord(directory);
  const model = text(values, 'model') ?? DEFAULT_MODEL;
  const normalize = !flag(values, 'no-normalize');
  const dimensions = readDimensions(values);
  const { manifest, id, describer, openEngine } = await openEmbeddingModel(model, (manifest) => ({
    ...readDescriptor(values, manifest),
    normalize,
    dimensions,
  }));
  const batch = wholeNumber(values, 'batch', { min: 1, max: 1024 }) ?? found?.batch;
  const wantedEngine = text(values, 'engine') ?? 'auto';
  const goesOnWith =
    found !== undefined && isSameEngine(wantedEngine, found.engine) ? found.engine : wantedEngine;
  const record = (choice: Pick<Choice, 'id' | 'batchSize'>): RunRecord => ({
    format: 'vgg-edge-run',
    formatVersion: 1,
    ...readSource(spec, values),
    space: describer.space(id),
    normalize,
    crop: readCrop(text(values, 'crop')),
    output: absoluteOutput(text(values, 'format') ?? 'npy'),
    dtype: oneOf(VECTOR_DTYPES, text(values, 'dtype') ?? 'float32', 'dtype'),
    engine: choice.id,
    batch: batch ?? choice.batchSize,
    shardSize:
      wholeNumber(values, 'shard-size', { min: 1, max: 10_000_000 }) ??
      found?.shardSize ??
      DEFAULT_SHARD_SIZE,
    limits: LOCAL_IMAGE_LIMITS,
  });
  const wanted = record({ id: goesOnWith, batchSize: found?.batch ?? 1 });
  if (found !== undefined) refuseDifferent(directory, found, wanted);
  else {
    await (await openRecordedSource(wanted)).close();
    await (await openRecordedOutput(wanted)).close();
  }
  return {
    found,
    manifest,
    describer,
    model: resolve(model),
    openEngine: () => openEngine(goesOnWith),
    record,
    engine: goesOnWith,
  };
}

/** `auto` goes on with whatever it was; `webgpu` with `webgpu:fp16`. */
function isSameEngine(wanted: string, found: string): boolean {
  return wanted === 'auto' || wanted === found || found.startsWith(`${wanted}:`);
}

/** Other machines, and the same command from another folder, must find the folder of a store. */
function absoluteOutput(spec: string): string {
  const place = /^store:(.+)$/s.exec(spec)?.[1];
  return place === undefined ? spec : `store:${absolutePlace(place)}`;
}

/** `10,10,200,200` in pixels, `10%,10%,80%,80%` in per cent. Throws UsageError. */
function readCrop(value: string | undefined): CropBox | null {
  if (value === undefined) return null;
  const parts = value.split(',').map((part) => /^(\d+(?:\.\d+)?)(%?)$/.exec(part.trim()));
  const numbers = parts.map((part) => Number(part?.[1] ?? Number.NaN));
  const percents = parts.filter((part) => part?.[2] === '%').length;
  const [left = Number.NaN, top = Number.NaN, width = Number.NaN, height = Number.NaN] = numbers;
  const whole = numbers.length === 4 && numbers.every(Number.isFinite) && (percents === 0 || percents === 4);
  if (!whole || width <= 0 || height <= 0 || (percents === 4 && (left + width > 100 || top + height > 100))) {
    throw new UsageError(
      `Expected left,top,width,height in pixels or all in per cent (10%,10%,80%,80%) for --crop but found '${value}'.`,
    );
  }
  if (percents === 0) return { unit: 'pixels', left, top, width, height };
  return { unit: 'fractions', left: left / 100, top: top / 100, width: width / 100, height: height / 100 };
}
