// What the search benchmark measures: something that is built of a data set, opened, and asked.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataSet } from './data-set.ts';

export interface Rival {
  /** In --only and in the table. */
  readonly name: string;
  /** Beyond this it is left out: too slow to build, or too large, to say anything. */
  readonly maxCount?: number;
  /** Searches the rows of even number alone, by a filter. */
  readonly evenOnly?: boolean;
  /** How broadly to search, ascending: the first that reaches the recall wanted is what counts. */
  readonly breadths?: readonly number[];
  /** Leaves in `folder` all that `open` needs. Those without it are built when they are opened. */
  build?(data: DataSet, folder: string): Promise<void>;
  open(data: DataSet, folder: string): Promise<OpenRival>;
}

export interface OpenRival {
  /** Row numbers, best first; and the milliseconds where they were measured closer than by the caller. */
  query(vector: Float32Array, breadth: number): Promise<{ rows: readonly number[]; ms?: number }>;
  /** On disk, or in memory for what lies nowhere else. */
  bytes(): Promise<number>;
  close(): Promise<void>;
}

export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
