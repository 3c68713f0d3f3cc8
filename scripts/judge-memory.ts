// What `npm run load` says of a server's memory: whether what is kept grows, and how much was held at most.

import { table } from '../bench/measure.ts';
import { type IsolateMemory, wholeOf } from './loaded-server.ts';
import { MAX_GROWTH, type Trend, trendOf } from './trend.ts';

/** What was seen while the server worked. */
export interface MemorySamples {
  /** Seconds between two looks. */
  readonly every: number;
  /** Bytes of the process (RSS). */
  readonly resident: readonly number[];
  /** Of the Worker's isolate at the same moments; none of a server without. */
  readonly isolate: readonly IsolateMemory[];
  /** The isolate after a forced collection: before the load, and after each part of it. */
  readonly kept: readonly IsolateMemory[];
}

/** Of Cloudflare's 128 MB, three quarters: a large photograph takes what is left (docs/images.md). */
const MAX_ISOLATE_BYTES = 96_000_000;
/**
 * By how much more may be kept after one part of the load than after the part before: some 5,000 requests, so that
 * 100 bytes of each are found. Compiled code comes and goes by less.
 */
export const MAX_KEPT_GROWTH = 500_000;

/** Of which the isolate's memory is made. */
const PARTS: readonly [name: string, bytes: (memory: IsolateMemory) => number][] = [
  ['of that objects', ({ heap }) => heap],
  ['buffers', ({ buffers }) => buffers],
  ['WebAssembly', ({ engine, decoder }) => engine + decoder],
];

const MB = (bytes: number) => (bytes / 1e6).toFixed(1);

/** Prints how memory went; gives what is wrong with it. */
export function reportMemory({ every, resident, isolate, kept }: MemorySamples): string[] {
  const whole = isolate.map(wholeOf);
  const rows: { name: string; trend: Trend; isJudged: boolean }[] = [
    { name: "the server's process (RSS)", trend: trendOf(resident), isJudged: isolate.length === 0 },
  ];
  if (isolate.length > 0) {
    // Garbage comes and goes, and takes the process with it: the isolate is judged by what it keeps, and the process
    // by what is neither the isolate's nor kept free for it.
    const reserved = isolate.map((memory) => memory.reserved);
    const beside = resident.map((bytes, at) => bytes - (whole[at] ?? 0) - (reserved[at] ?? 0));
    rows.push({ name: 'of it the isolate, garbage included', trend: trendOf(whole), isJudged: false });
    for (const [name, part] of PARTS) {
      rows.push({ name, trend: trendOf(isolate.map(part)), isJudged: false });
    }
    rows.push({ name: "pages that V8's heap keeps free", trend: trendOf(reserved), isJudged: false });
    rows.push({ name: 'and the rest', trend: trendOf(beside), isJudged: true });
  }
  console.log(
    table(
      ['memory, MB', 'first third', 'last third', 'most', 'line, KB/s', ''],
      rows.map(({ name, trend: { first, last, most, slope, isFlat }, isJudged }) => [
        name,
        ...[first, last, most].map(MB),
        (slope / every / 1e3).toFixed(1),
        isJudged ? (isFlat ? 'flat' : 'grows') : '',
      ]),
    ),
  );
  console.log(
    `Medians after a fifth of the time as warm-up; flat is at most ${MAX_GROWTH * 100} % more in the last third.`,
  );
  const grown = rows.filter(({ trend, isJudged }) => isJudged && !trend.isFlat);
  return [...grown.map(({ name }) => `memory grows: ${name}`), ...reportKept(kept), ...reportMost(whole)];
}

function reportKept(kept: readonly IsolateMemory[]): string[] {
  if (kept.length === 0) return [];
  const rows = kept.map((memory, part) => [
    part === 0 ? 'before' : `after part ${part} of ${kept.length - 1}`,
    ...[memory.heap, memory.buffers, memory.engine + memory.decoder].map((bytes) => (bytes / 1e6).toFixed(2)),
  ]);
  console.log(table(['the isolate after a collection, MB', 'heap', 'buffers', 'WebAssembly'], rows));
  return judgeKept(kept.map(wholeOf));
}

function reportMost(whole: readonly number[]): string[] {
  if (whole.length === 0) return [];
  const most = Math.max(...whole);
  console.log(`The isolate held ${MB(most)} MB at most, of ${MB(MAX_ISOLATE_BYTES)} that it may here.`);
  return most > MAX_ISOLATE_BYTES ? [`the isolate held ${most} bytes, of ${MAX_ISOLATE_BYTES}`] : [];
}

/** What is wrong with the bytes that were kept before the load and after each part of it. */
export function judgeKept(kept: readonly number[]): string[] {
  return kept.slice(1).flatMap((bytes, part) => {
    const before = kept[part] ?? 0;
    return bytes <= before + MAX_KEPT_GROWTH
      ? []
      : [`the isolate kept ${bytes - before} bytes more after part ${part + 1} than before it`];
  });
}
