// Vector search: build time, bytes, time per query and recall@10 of each store, side by side with usearch
// and hnswlib. What was built stays in .cache/search-bench, so that it can be built once, and asked on a
// quiet machine; the processor time of a build tells where other work slowed it.
//
//   npm run bench -- search [--vectors=10000,100000,1000000] [--dimensions=512] [--queries=100]
//                           [--descriptors=FILE.npy]  float32 [n, dimensions]: real ones, with noise
//                           [--only=NAME;NAME]        those whose names contain one of these
//                           [--phase=build|query]     half of the work; without it both
//                           [--recall=0.95]           that the libraries are tuned to

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { table } from './measure.ts';
import { familyCpuMilliseconds } from './process-usage.ts';
import { type DataSet, openDataSet, TOP } from './search/data-set.ts';
import { memoryStore, plainLoop, scanInNode } from './search/in-memory.ts';
import { hnswlib, usearch } from './search/libraries.ts';
import type { OpenRival, Rival } from './search/rival.ts';
import { durableObjects, lanceDb, postgres } from './search/stores.ts';

const CACHE = join(import.meta.dirname, '../.cache/search-bench');
const BUILT = 'built.json';

/** Seconds that passed, and of all processors together (Linux only). */
interface Built {
  readonly seconds: number;
  readonly cpuSeconds: number | undefined;
}

interface Measured {
  /** Milliseconds, ascending. */
  readonly times: readonly number[];
  readonly recall: number;
}

export async function run(options: readonly string[]): Promise<void> {
  const option = (name: string) =>
    options.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3);
  const phase = option('phase');
  const only = option('only')?.split(';');
  const wanted = Number(option('recall') ?? 0.95);
  for (const count of (option('vectors') ?? '10000,100000').split(',').map(Number)) {
    const data = await openDataSet(CACHE, {
      count,
      dimensions: Number(option('dimensions') ?? 512),
      queries: Number(option('queries') ?? 100),
      descriptors: option('descriptors'),
    });
    const rivals = (await allRivals()).filter(
      ({ name, maxCount = Number.POSITIVE_INFINITY }) =>
        count <= maxCount && (only === undefined || only.some((part) => name.includes(part))),
    );
    if (phase !== 'query') for (const rival of rivals) await build(rival, data);
    if (phase === 'build') continue;
    console.log(
      `\n${count} vectors of ${data.dimensions} dimensions, ${data.queries.length} queries, ` +
        `${option('descriptors') ?? 'clustered Gaussian mixtures'}\n`,
    );
    const rows: (string | number)[][] = [];
    for (const rival of rivals) {
      rows.push(await ask(rival, data, wanted));
      console.error(rows.at(-1)?.join('  '));
    }
    console.log(table(['store', 'build s', 'of CPU', 'MB', 'p50 ms', 'p95 ms', 'recall@10'], rows));
  }
}

async function allRivals(): Promise<readonly Rival[]> {
  return [
    plainLoop,
    memoryStore,
    scanInNode,
    durableObjects(1),
    durableObjects(4),
    durableObjects(1, true),
    lanceDb,
    ...[await postgres()].filter((rival) => rival !== undefined),
    ...(await usearch()),
    ...(await hnswlib()),
  ];
}

/** Passed over where it stands already; begun anew where it was interrupted. */
async function build(rival: Rival, data: DataSet): Promise<void> {
  if (rival.build === undefined) return;
  const folder = folderOf(rival, data);
  if ((await readBuilt(folder)) !== undefined) return;
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'files'), { recursive: true });
  const built = await stopwatch(() => rival.build?.(data, join(folder, 'files')));
  await writeFile(join(folder, BUILT), JSON.stringify(built));
  console.error(`${rival.name}: ${data.count} built in ${built.seconds.toFixed(1)} s`);
}

async function ask(rival: Rival, data: DataSet, wanted: number): Promise<(string | number)[]> {
  const folder = folderOf(rival, data);
  const built = rival.build === undefined ? undefined : await readBuilt(folder);
  if (rival.build !== undefined && built === undefined) {
    return [rival.name, 'not built', '–', '–', '–', '–', '–'];
  }
  const { value: opened, ...opening } = await stopwatch(() => rival.open(data, join(folder, 'files')));
  try {
    const truth = rival.evenOnly === true ? data.truth.even : data.truth.all;
    let breadth = rival.breadths?.[0] ?? 0;
    let measured = await measure(opened, data, truth, breadth);
    for (const next of rival.breadths?.slice(1) ?? []) {
      if (measured.recall >= wanted) break;
      breadth = next;
      measured = await measure(opened, data, truth, breadth);
    }
    const { times, recall } = measured;
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    const name = rival.breadths === undefined ? rival.name : `${rival.name}, ef ${breadth}`;
    const bytes = (await opened.bytes()) / 1e6;
    const { seconds, cpuSeconds = '–' } = built ?? opening;
    return [name, seconds, cpuSeconds, bytes, at(0.5), at(0.95), recall.toFixed(3)];
  } finally {
    await opened.close();
  }
}

async function measure(
  rival: OpenRival,
  { queries }: DataSet,
  truth: DataSet['truth']['all'],
  breadth: number,
): Promise<Measured> {
  // What an index reads from disk when it is first needed is no part of a query: some take 60 queries for that.
  for (const query of queries) await rival.query(query, breadth);
  const times: number[] = [];
  let found = 0;
  for (const [place, query] of queries.entries()) {
    const start = performance.now();
    const { rows, ms } = await rival.query(query, breadth);
    times.push(ms ?? performance.now() - start);
    found += rows.filter((row) => truth[place]?.includes(row)).length;
  }
  return { times: times.sort((a, b) => a - b), recall: found / (queries.length * TOP) };
}

/** The filter is asked of the objects that stand already. */
function folderOf({ name }: Rival, { folder }: DataSet): string {
  const id = name
    .replace(', filter', '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  return join(folder, id);
}

async function stopwatch<T>(work: () => T | Promise<T>): Promise<Built & { value: T }> {
  const cpu = () => (process.platform === 'linux' ? familyCpuMilliseconds(process.pid) : Number.NaN);
  const start = performance.now();
  const cpuStart = cpu();
  const value = await work();
  const cpuSeconds = (cpu() - cpuStart) / 1000;
  return {
    value,
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: Number.isNaN(cpuSeconds) ? undefined : cpuSeconds,
  };
}

async function readBuilt(folder: string): Promise<Built | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, BUILT), 'utf8'));
  } catch {
    return undefined;
  }
}
