// The batches of a shard that is not whole yet, each appended as soon as it is done: a run that was stopped
// goes on with the next batch. A torn end, after a kill or a loss of power, is recognised and done again.

import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';
import { writing } from './durable-file.ts';
import type { BatchResult } from './pipeline.ts';

export interface ShardJournal {
  append(result: BatchResult): Promise<void>;
  /** What was appended is on the disk. */
  close(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * A record: its length in 4 bytes, the SHA-256 of its place and content, its content. The place is how many items
 * came before: what a process appends that was taken for dead stands elsewhere, and is recognised.
 */
const LENGTH_BYTES = 4;
const HASH_BYTES = 32;

/**
 * Opens or creates the file, hands every whole batch in it to `restore` in order, and cuts off what follows.
 * The folder is the run's own, so content with the right hash is our own writing.
 */
export async function openShardJournal(
  path: string,
  restore: (result: BatchResult) => Promise<void>,
): Promise<ShardJournal> {
  // Reading and writing, without emptying it.
  const file = await open(path, 'a+');
  const { size } = await file.stat();
  let end = 0;
  let place = 0;
  for (;;) {
    const content = await readRecord(file, end, size, place);
    const result = content === undefined ? undefined : parse(content);
    if (content === undefined || result === undefined) break;
    await restore(result);
    end += LENGTH_BYTES + HASH_BYTES + content.length;
    place += itemsOf(result);
  }
  await file.truncate(end);
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await file.sync();
    await file.close();
  };
  return {
    async append(result) {
      const content = serialize(result);
      const head = Buffer.alloc(LENGTH_BYTES);
      head.writeUInt32LE(content.length);
      await writing(path, () => file.appendFile(Buffer.concat([head, digest(place, content), content])));
      place += itemsOf(result);
    },
    close,
    async remove() {
      isOpen = false;
      await file.close();
      await rm(path, { force: true });
    },
  };
}

/** Undefined where no whole record begins at `start`. */
async function readRecord(
  file: FileHandle,
  start: number,
  size: number,
  place: number,
): Promise<Buffer | undefined> {
  const body = start + LENGTH_BYTES + HASH_BYTES;
  if (body > size) return undefined;
  const head = Buffer.alloc(LENGTH_BYTES + HASH_BYTES);
  await file.read(head, 0, head.length, start);
  const length = head.readUInt32LE();
  if (length > size - body) return undefined;
  const content = Buffer.alloc(length);
  await file.read(content, 0, length, body);
  return digest(place, content).equals(head.subarray(LENGTH_BYTES)) ? content : undefined;
}

/** Undefined for what another version of Node wrote in a form that this one does not read. */
function parse(content: Buffer): BatchResult | undefined {
  try {
    return deserialize(content);
  } catch {
    return undefined;
  }
}

function itemsOf({ rows, failed }: BatchResult): number {
  return rows.length + failed.length;
}

function digest(place: number, content: Uint8Array): Buffer {
  return createHash('sha256').update(`${place} `).update(content).digest();
}
