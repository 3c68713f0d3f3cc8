// state.json of a reindexing: what it was asked for and how far it has come, so that the same command goes on.

import { appendFile, mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { InputError } from '../core/errors.ts';
import { vectorSpaceSchema } from '../core/vector-store.ts';
import { writeDurably, writing } from './durable-file.ts';
import { parseRunFile, readIfThere } from './run-directory.ts';

const count = z.int().min(0);

const stateSchema = z.strictObject({
  format: z.literal('vgg-edge-reindex'),
  formatVersion: z.literal(1),
  alias: z.string(),
  /** Index that the alias named, or that was given, when it began. */
  before: z.string(),
  /** Index that is built. */
  after: z.string(),
  source: z.string(),
  /** Of a list: the column with the paths, that with the ids, and what becomes metadata. Null: as usual. */
  column: z.string().nullable(),
  idColumn: z.string().nullable(),
  metadataColumns: z.array(z.string()).nullable(),
  space: vectorSpaceSchema,
  /** Items of the source that are done with, in its order. */
  position: count,
  /** Of them. */
  embedded: count,
  copied: count,
  unchanged: count,
  failed: count,
  /** Of them, the items that the index before has. */
  known: count,
  /** Bytes of failures.jsonl that belong to them. */
  failureBytes: count,
  /** The last item done with: another one at its place means that the source has changed. */
  lastId: z.string().nullable(),
});

export type ReindexState = Readonly<z.infer<typeof stateSchema>>;
export type ReindexTask = Pick<
  ReindexState,
  'alias' | 'before' | 'after' | 'source' | 'column' | 'idColumn' | 'metadataColumns' | 'space'
>;

export interface ReindexFolder {
  readonly path: string;
  readonly state: string;
  readonly failures: string;
  readonly report: string;
}

export function reindexFolder(path: string): ReindexFolder {
  return {
    path,
    state: join(path, 'state.json'),
    failures: join(path, 'failures.jsonl'),
    report: join(path, 'report.html'),
  };
}

/** Undefined where none has begun. Throws InputError for a file that is none of ours. */
export async function readState({ state }: ReindexFolder): Promise<ReindexState | undefined> {
  const json = await readIfThere(state);
  return json === undefined ? undefined : parseRunFile(state, json, stateSchema);
}

/**
 * Begins, or goes on with the same task; failures that a killed process wrote beyond its last state are cut
 * off. Throws InputError where the folder holds another task.
 */
export async function openState(folder: ReindexFolder, task: ReindexTask): Promise<ReindexState> {
  const found = await readState(folder);
  if (found !== undefined) {
    refuseOther(folder, found, task);
    await truncate(folder.failures, found.failureBytes);
    return found;
  }
  await mkdir(folder.path, { recursive: true });
  await writeFile(folder.failures, '');
  const state = { format: 'vgg-edge-reindex', formatVersion: 1, ...task, ...BEGINNING } as const;
  await writeState(folder, state);
  return state;
}

/** Goes through the source from its beginning; what is in the new index already is known by its hash. */
export async function beginAnew(folder: ReindexFolder, state: ReindexState): Promise<ReindexState> {
  const anew = { ...state, ...BEGINNING };
  // First: the file would be filled up with zeros to what an older state says.
  await writeState(folder, anew);
  await truncate(folder.failures, 0);
  return anew;
}

const BEGINNING = {
  position: 0,
  embedded: 0,
  copied: 0,
  unchanged: 0,
  failed: 0,
  known: 0,
  failureBytes: 0,
  lastId: null,
} as const;

/** Adds what a state then counts: it is on the disk before that is. */
export async function addFailures({ failures }: ReindexFolder, lines: string): Promise<void> {
  if (lines === '') return;
  await writing(failures, () => appendFile(failures, lines, { flush: true }));
}

export async function writeState({ path, state }: ReindexFolder, value: ReindexState): Promise<void> {
  await writeDurably(state, `${JSON.stringify(value, null, 2)}\n`, { work: path });
}

function refuseOther({ path }: ReindexFolder, found: ReindexState, task: ReindexTask): void {
  const { space: foundSpace, ...before } = found;
  const { space, ...now } = task;
  const then = new Map<string, unknown>(Object.entries({ ...before, ...foundSpace }));
  const different = Object.entries({ ...now, ...space })
    .filter(([name, value]) => String(then.get(name)) !== String(value))
    .map(([name, value]) => `${name} was ${then.get(name)} and is now ${value}`);
  if (different.length === 0) return;
  throw new InputError(
    'invalid_argument',
    `Expected the options with which the reindexing in ${path} was begun, but ${different.join('; ')}. ` +
      'Give the same options to go on with it, or another --out.',
    { param: 'out' },
  );
}
