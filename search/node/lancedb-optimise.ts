// What makes a table of LanceDB fast and small again after many writes: its indexes, its files put together,
// and the versions before deleted.

import type { Index as LanceIndex, Table } from '@lancedb/lancedb';
import { onLatest } from './lancedb-latest.ts';

export type LanceDb = typeof import('@lancedb/lancedb');

/** Below this, comparing with every vector, about 3 ms for a thousand, is as fast and finds all. */
export const APPROXIMATE_FROM = 2000;

/** Items of a partition, and partitions searched; more of these is slower and misses less. */
const PARTITION = 4096;
export const NPROBES = 40;
/** The index's name, before the number of its partitions; of so many times that number it is built anew. */
const VECTOR_INDEX = 'vector_';
const OUTGROWN = 4;
/** Candidates of the approximate index compared exactly, per hit wanted. */
export const REFINE = 10;
/** For the graph's breadth, where there is one: at least. */
export const BREADTH = 200;
/** RaBitQ packs a bit per dimension into bytes. */
const BITS_PER_BYTE = 8;
/** Writes that are never worth a compaction. */
const FEW_WRITES = 100;

/**
 * Whether a compaction pays after so many writes. Each leaves a file, which makes every later one slower by
 * about 0.1 ms; a compaction rewrites all items, at about 0.01 ms each. The square root keeps both small.
 */
export const isDue = (writes: number, items: number) => writes >= Math.max(FEW_WRITES, Math.sqrt(items));

/** The index of the ids, one file for many, everything indexed that came since, and no version but this. */
export async function compact(lance: LanceDb, table: Table): Promise<void> {
  const reach = onLatest(table);
  if (!(await indexedColumns(table)).includes('id'))
    await reach(() => table.createIndex('id', { config: lance.Index.btree() }));
  // Who still reads an earlier version turns to the latest: onLatest. Files that no version knows may be of
  // a write under way; LanceDB deletes those after a week.
  await reach(() => table.optimize({ cleanupOlderThan: new Date() }));
}

/** Builds the approximate index where the items are many enough, and anew where they have become far more. */
export async function buildApproximateIndex(
  lance: LanceDb,
  table: Table,
  dimensions: number,
  from: number,
): Promise<void> {
  const reach = onLatest(table);
  const items = await reach(() => table.countRows());
  if (items < from) return;
  const partitions = Math.max(1, Math.round(items / PARTITION));
  const old = (await reach(() => table.listIndices())).find(({ columns }) => columns[0] === 'vector');
  if (old !== undefined && partitions < OUTGROWN * Number(old.name.slice(VECTOR_INDEX.length))) return;
  const config = vectorIndex(lance, dimensions, partitions);
  await reach(() => table.createIndex('vector', { config, name: `${VECTOR_INDEX}${partitions}` }));
  if (old !== undefined) await reach(() => table.dropIndex(old.name));
}

async function indexedColumns(table: Table): Promise<(string | undefined)[]> {
  return (await onLatest(table)(() => table.listIndices())).map(({ columns }) => columns[0]);
}

/**
 * A bit per dimension (RaBitQ: Gao and Long, SIGMOD 2024, arXiv:2405.12497) in partitions: built in a
 * twentieth of the time of the graph, which stands in where the bits fill no bytes. By cosine, not 'dot',
 * which orders unit vectors alike: built with it, the graph found 4 of 100 neighbours.
 */
function vectorIndex({ Index }: LanceDb, dimensions: number, numPartitions: number): LanceIndex {
  if (dimensions % BITS_PER_BYTE !== 0) {
    return Index.hnswSq({ distanceType: 'cosine', m: 20, efConstruction: 200 });
  }
  return Index.ivfRq({ distanceType: 'cosine', numPartitions, maxIterations: 20, sampleRate: 64 });
}
