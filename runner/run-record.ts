// run.json: what a run was asked for. Everything that its bytes depend on stands here, so the same command
// goes on, and any other is refused.

import { mkdir, readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import * as z from 'zod';
import { InputError } from '../core/errors.ts';
import { VECTOR_DTYPES } from '../core/quantise-vector.ts';
import { vectorSpaceSchema } from '../core/vector-store.ts';
import { writeDurably, writing } from './durable-file.ts';
import { parseRunFile, type RunDirectory, readIfThere } from './run-directory.ts';
import { lockRun } from './run-lock.ts';

const cropBox = z.strictObject({
  unit: z.enum(['pixels', 'fractions']),
  left: z.number(),
  top: z.number(),
  width: z.number(),
  height: z.number(),
});

const runRecordSchema = z.strictObject({
  format: z.literal('vgg-edge-run'),
  formatVersion: z.literal(1),
  /** As the command names it, with an absolute path: other machines read it too. */
  source: z.string().min(1),
  /** Of a list: the column with the paths, that with the ids, and what becomes metadata. Null: as usual. */
  column: z.string().nullable(),
  idColumn: z.string().nullable(),
  metadataColumns: z.array(z.string()).nullable(),
  space: vectorSpaceSchema,
  normalize: z.boolean(),
  crop: cropBox.nullable(),
  /** As the command names it: `npy`, or a store. */
  output: z.string().min(1),
  dtype: z.enum(VECTOR_DTYPES),
  /** Engine and precision, `webgpu:fp16`. Of different ones vectors differ a little: one run, one engine. */
  engine: z.string().min(1),
  /** Images in a batch: float engines may round otherwise in another. */
  batch: z.int().min(1),
  /** Items in a shard. */
  shardSize: z.int().min(1),
  limits: z.strictObject({ maxBytes: z.int().min(1), maxPixels: z.int().min(1) }),
});

export type RunRecord = Readonly<z.infer<typeof runRecordSchema>>;

/** Undefined where no run has begun. Throws InputError for a file that is none of ours. */
export async function readRunRecord({ record }: RunDirectory): Promise<RunRecord | undefined> {
  const json = await readIfThere(record);
  return json === undefined ? undefined : parseRunFile(record, json, runRecordSchema);
}

/**
 * Begins the run in an empty or missing folder, or goes on with the same one. Throws InputError for a folder
 * that holds anything else or that another process is at work in, and for one whose run was asked for something
 * else: it names what.
 */
export async function openRun(directory: RunDirectory, wanted: RunRecord): Promise<'begun' | 'resumed'> {
  const found = await readRunRecord(directory);
  if (found !== undefined) {
    refuseDifferent(directory, found, wanted);
    return 'resumed';
  }
  await writing(directory.path, () => mkdir(directory.path, { recursive: true }));
  const names = await readdir(directory.path);
  const strangers = names.filter((name) => !OURS.includes(name) && !name.startsWith('.'));
  if (strangers.length > 0 && !names.includes(basename(directory.record))) {
    throw new InputError(
      'invalid_argument',
      `Expected an empty folder, or one with a run, at ${directory.path} but found ${strangers.slice(0, 3).join(', ')}. Give another --out.`,
      { param: 'out' },
    );
  }
  const lock = await lockRun(directory.path);
  try {
    return await beginRun(directory, wanted);
  } finally {
    await lock.release();
  }
}

/** Needs the run's lock: of two that find no record, the second would write over that of the first. */
async function beginRun(directory: RunDirectory, wanted: RunRecord): Promise<'begun' | 'resumed'> {
  const found = await readRunRecord(directory);
  if (found !== undefined) {
    refuseDifferent(directory, found, wanted);
    return 'resumed';
  }
  for (const folder of [directory.items, directory.markers, directory.work]) {
    await writing(folder, () => mkdir(folder, { recursive: true }));
  }
  await writeDurably(directory.record, `${JSON.stringify(wanted, null, 2)}\n`, directory);
  return 'begun';
}

/** Throws InputError that names what differs. */
export function refuseDifferent({ path }: RunDirectory, found: RunRecord, wanted: RunRecord): void {
  const different = differences(found, wanted);
  if (different.length === 0) return;
  throw new InputError(
    'invalid_argument',
    `Expected the options with which the run in ${path} was begun, but ${different.join('; ')}. Give the same options to go on with it, or another --out.`,
    { param: 'out' },
  );
}

/** What a run leaves that was killed before its record was written. */
const OURS = ['items', 'shards', 'work'];

/** `pool was gem and is now max`, one for each that differs. */
function differences(before: RunRecord, now: RunRecord): string[] {
  const flat = (record: RunRecord) => {
    const { space, limits, crop, metadataColumns, format, formatVersion, ...rest } = record;
    return {
      ...rest,
      ...space,
      ...limits,
      metadataColumns: metadataColumns === null ? 'all' : metadataColumns.join(','),
      crop: crop === null ? 'none' : JSON.stringify(crop),
      format: `${format} ${formatVersion}`,
    };
  };
  const then = new Map<string, unknown>(Object.entries(flat(before)));
  return Object.entries(flat(now))
    .filter(([name, value]) => then.get(name) !== value)
    .map(([name, value]) => `${name} was ${then.get(name)} and is now ${value}`);
}
