// One shard of a run: written into a folder of its own, then moved to its place file by file, its marker last.
// A shard is done when its marker is there. Whoever does it, and however often, the bytes are the same.

import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { digestFile, moveDurably, syncFolder, writeDurably, writing } from './durable-file.ts';
import { type FailedItem, failureLine } from './failure.ts';
import type { BatchResult } from './pipeline.ts';
import type { Output } from './ports.ts';
import { parseRunFile, type RunDirectory, readIfThere, shardName } from './run-directory.ts';
import { openShardJournal } from './shard-journal.ts';

const fileDigest = z.strictObject({
  file: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Counts and hashes; nothing that differs between one attempt and another. */
const markerSchema = z.strictObject({
  shard: z.int().min(1),
  items: z.int().min(0),
  vectors: z.int().min(0),
  failed: z.int().min(0),
  /** Beside run.json. None where the vectors went into a store. */
  files: z.array(fileDigest),
  /** Beside the marker, where any failed. */
  failures: fileDigest.nullable(),
});

export type ShardMarker = Readonly<z.infer<typeof markerSchema>>;

/** Undefined where the shard is not done. */
async function readMarker({ markers }: RunDirectory, shard: number): Promise<ShardMarker | undefined> {
  const path = join(markers, `${shardName(shard)}.json`);
  const json = await readIfThere(path);
  return json === undefined ? undefined : parseRunFile(path, json, markerSchema);
}

/**
 * As readMarker, and undefined too where a file of the shard is missing or has another size: somebody has
 * taken it away, so the shard is done again.
 */
export async function findShard(directory: RunDirectory, shard: number): Promise<ShardMarker | undefined> {
  const marker = await readMarker(directory, shard);
  if (marker === undefined) return undefined;
  const placed = [
    ...marker.files.map((digest) => ({ folder: directory.path, ...digest })),
    ...(marker.failures === null ? [] : [{ folder: directory.markers, ...marker.failures }]),
  ];
  for (const { folder, file, bytes } of placed) {
    const found = await stat(join(folder, file)).catch(() => undefined);
    if (found?.size !== bytes) return undefined;
  }
  return marker;
}

/** A shard being written. */
export interface OpenShard {
  /** Batches that an earlier process had done: already taken. */
  readonly restored: readonly BatchCounts[];
  take(result: BatchResult): Promise<void>;
  /** Puts everything in its place. */
  publish(): Promise<ShardMarker>;
  /** Leaves nothing but the journal, where there is one. */
  abandon(): Promise<void>;
}

export interface BatchCounts {
  readonly items: number;
  readonly failed: number;
}

/**
 * With a journal what is taken outlives the process. It needs the run's lock: two processes cannot share one.
 */
export async function openShard(
  directory: RunDirectory,
  shard: number,
  output: Output,
  { journal: journaled }: { journal: boolean },
): Promise<OpenShard> {
  const name = shardName(shard);
  // A folder of its own: a runner that was thought dead may still be writing into its.
  const folder = await writing(directory.work, () => mkdtemp(join(directory.work, `${name}-`)));
  const writer = await output.begin(folder, name);
  const failed: FailedItem[] = [];
  const restored: BatchCounts[] = [];
  let vectors = 0;
  let open = true;
  const write = async (result: BatchResult): Promise<void> => {
    if (!open) throw new Error(`Expected ${name} to be open.`);
    await writer.write(result.rows);
    vectors += result.rows.length;
    failed.push(...result.failed);
  };
  const journal = journaled
    ? await openShardJournal(journalFile(directory, shard), async (result) => {
        await write(result);
        const { length } = result.failed;
        restored.push({ items: result.rows.length + length, failed: length });
      })
    : undefined;
  return {
    restored,
    async take(result) {
      await write(result);
      await journal?.append(result);
    },
    async publish() {
      await writer.finish();
      open = false;
      const files = [];
      for (const file of (await readdir(folder)).toSorted()) {
        files.push(await digestFile(join(folder, file)));
        await moveDurably(join(folder, file), directory.path);
      }
      await syncFolder(directory.path);
      const failures = join(directory.markers, `${name}.failures.jsonl`);
      if (failed.length > 0) await writeDurably(failures, failed.map(failureLine).join(''), directory);
      // Those of an earlier try.
      else await rm(failures, { force: true });
      const marker: ShardMarker = {
        shard,
        items: vectors + failed.length,
        vectors,
        failed: failed.length,
        files,
        failures: failed.length > 0 ? await digestFile(failures) : null,
      };
      await writeDurably(join(directory.markers, `${name}.json`), `${JSON.stringify(marker)}\n`, directory);
      await rm(folder, { recursive: true, force: true });
      await journal?.remove();
      return marker;
    },
    async abandon() {
      try {
        if (open) await writer.abandon();
      } finally {
        open = false;
        await journal?.close();
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** Removes what killed processes were writing, but not the journals. */
export async function clearWork(directory: RunDirectory): Promise<void> {
  await removeWork(directory, (name) => !name.endsWith(JOURNAL));
}

/** When every shard is in its place. */
export async function emptyWork(directory: RunDirectory): Promise<void> {
  await removeWork(directory, () => true);
}

/**
 * The folder itself stays, and what cannot be removed because it grows meanwhile is tried again: a runner that
 * was thought dead, or whose coordinator has ended, may still be writing there.
 */
async function removeWork({ work }: RunDirectory, removes: (name: string) => boolean): Promise<void> {
  await mkdir(work, { recursive: true });
  for (const name of await readdir(work)) {
    if (removes(name)) await rm(join(work, name), { recursive: true, force: true, maxRetries: TRIES });
  }
}

/**
 * Shards with failures, finished or not, are done again: what was wrong with them is mended. Needs the run's lock.
 */
export async function forgetFailures(directory: RunDirectory): Promise<void> {
  for (const name of await readdir(directory.markers)) {
    const number = MARKER.exec(name)?.[1];
    if (number === undefined) continue;
    const marker = await readMarker(directory, Number(number));
    if (marker !== undefined && marker.failed > 0) await rm(join(directory.markers, name));
  }
  for (const name of await readdir(directory.work)) {
    if (!name.endsWith(JOURNAL)) continue;
    let failed = 0;
    const journal = await openShardJournal(join(directory.work, name), async (result) => {
      failed += result.failed.length;
    });
    await (failed > 0 ? journal.remove() : journal.close());
  }
}

/** After 0.1 s, 0.2 s and so on. */
const TRIES = 5;
const JOURNAL = '.journal';
const MARKER = /^shard-(\d+)\.json$/;

function journalFile({ work }: RunDirectory, shard: number): string {
  return join(work, `${shardName(shard)}${JOURNAL}`);
}
