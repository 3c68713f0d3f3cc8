// The source's items on disk, a file per shard, in the source's order: listed once, while shards are already
// being worked on. A run that goes on reads them from here, and so does another machine.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { InputError } from '../core/errors.ts';
import type { Metadata } from '../core/vector-store.ts';
import { writeDurably } from './durable-file.ts';
import type { Source, SourceItem } from './ports.ts';
import { parseRunFile, type RunDirectory, readIfThere, shardName } from './run-directory.ts';
import { untilStopped } from './stopped.ts';

/** The source, listed to its end. */
const listingSchema = z.strictObject({
  items: z.int().min(0),
  shards: z.int().min(0),
  /** Over the items in order. */
  sha256: z.string(),
});

export type Listing = Readonly<z.infer<typeof listingSchema>>;

const metadataSchema: z.ZodType<Metadata> = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean()]),
);
const itemSchema = z.strictObject({ id: z.string(), location: z.string(), metadata: metadataSchema });

/** Undefined while the source has not been listed to its end. */
export async function readListing({ listing }: RunDirectory): Promise<Listing | undefined> {
  const json = await readIfThere(listing);
  return json === undefined ? undefined : parseRunFile(listing, json, listingSchema);
}

export async function readItems(directory: RunDirectory, shard: number): Promise<SourceItem[]> {
  const path = itemsFile(directory, shard);
  const text = await readIfThere(path);
  if (text === undefined) {
    throw new InputError('invalid_file', `Expected the items of ${shardName(shard)} at ${path}.`);
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parseRunFile(path, line, itemSchema));
}

export interface ListItemsOptions {
  readonly source: Source;
  readonly directory: RunDirectory;
  readonly shardSize: number;
  readonly signal: AbortSignal;
  /** The shard's items are on disk. */
  readonly onShard: (shard: number, items: number) => void;
}

/**
 * Lists the source to its end. What an earlier listing wrote must be found again: a source that has changed
 * since is an InputError. Throws StoppedError, and what the source throws.
 */
export async function listItems({
  source,
  directory,
  shardSize,
  signal,
  onShard,
}: ListItemsOptions): Promise<Listing> {
  const hash = createHash('sha256');
  let lines: string[] = [];
  let items = 0;
  let shards = 0;
  const complete = async (): Promise<void> => {
    shards += 1;
    const content = lines.join('');
    await recordShard(directory, shards, content, source.name);
    hash.update(content);
    onShard(shards, lines.length);
    lines = [];
  };
  for await (const { id, location, metadata } of untilStopped(source.list(), signal)) {
    lines.push(`${JSON.stringify({ id, location, metadata })}\n`);
    items += 1;
    if (lines.length === shardSize) await complete();
  }
  if (lines.length > 0) await complete();
  if (items === 0) {
    throw new InputError('invalid_argument', `Expected images in ${source.name} but found none.`, {
      param: 'source',
    });
  }
  const beyond = await readIfThere(itemsFile(directory, shards + 1));
  if (beyond !== undefined) throw changed(source.name, shards + 1, '', beyond);
  const listing = { items, shards, sha256: hash.digest('hex') };
  await writeDurably(directory.listing, `${JSON.stringify(listing)}\n`, directory);
  return listing;
}

/** Lists once more and compares with the record. Throws InputError where the source has changed. */
export async function checkUnchanged({
  source,
  directory,
  shardSize,
  signal,
}: Omit<ListItemsOptions, 'onShard'>): Promise<void> {
  let shard = 0;
  let lines: string[] = [];
  const compare = async (): Promise<void> => {
    shard += 1;
    const content = lines.join('');
    const recorded = (await readIfThere(itemsFile(directory, shard))) ?? '';
    if (recorded !== content) throw changed(source.name, shard, content, recorded);
    lines = [];
  };
  for await (const { id, location, metadata } of untilStopped(source.list(), signal)) {
    lines.push(`${JSON.stringify({ id, location, metadata })}\n`);
    if (lines.length === shardSize) await compare();
  }
  if (lines.length > 0) await compare();
  const beyond = await readIfThere(itemsFile(directory, shard + 1));
  if (beyond !== undefined) throw changed(source.name, shard + 1, '', beyond);
}

async function recordShard(
  directory: RunDirectory,
  shard: number,
  content: string,
  source: string,
): Promise<void> {
  const path = itemsFile(directory, shard);
  const recorded = await readIfThere(path);
  if (recorded === undefined) await writeDurably(path, content, directory);
  else if (recorded !== content) throw changed(source, shard, content, recorded);
}

function itemsFile({ items }: RunDirectory, shard: number): string {
  return join(items, `${shardName(shard)}.jsonl`);
}

function changed(source: string, shard: number, now: string, before: string): InputError {
  const listed = now.split('\n');
  const recorded = before.split('\n');
  const line = listed.findIndex((text, index) => text !== recorded[index]);
  const show = (text: string | undefined) => (text ? text.slice(0, 200) : 'nothing');
  return new InputError(
    'invalid_argument',
    `Expected ${source} as it was when this run began, but it has changed: item ${Math.max(line, 0) + 1} of ${shardName(shard)} was ${show(recorded[line])} and is now ${show(listed[line])}. Give another --out for what is there now; vgg-edge reindex embeds only what is new.`,
    { param: 'source' },
  );
}
